"""A camera that speaks ONVIF, on a port of this machine; after the examples of the specifications.

It lets nobody ask for more than its clock without the digest of WS-Security's UsernameToken.
"""

import base64
import contextlib
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SOAP = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
  xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"
  xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:ter="http://www.onvif.org/ver10/error">
<s:Body>{}</s:Body></s:Envelope>"""
FAULT = """<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:{}</s:Value>
</s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">{}</s:Text></s:Reason></s:Fault>"""
PROFILE = """<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>
<tt:VideoSourceConfiguration token="VS"><tt:Name>VS</tt:Name><tt:UseCount>2</tt:UseCount>
<tt:SourceToken>0</tt:SourceToken><tt:Bounds x="0" y="0" width="{width}" height="{height}"/>
</tt:VideoSourceConfiguration>
<tt:VideoEncoderConfiguration token="VE{token}"><tt:Name>VE</tt:Name><tt:UseCount>1</tt:UseCount>
<tt:Encoding>{codec}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width>
<tt:Height>{height}</tt:Height></tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl>
<tt:FrameRateLimit>25</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>
<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl></tt:VideoEncoderConfiguration>
</trt:Profiles>"""
SCOPES = ("Profile/Streaming", "Profile/T", "Profile/M", "name/Mill", "hardware/X-1", "location/a")


@dataclass
class Device:
    """`answers` are bodies by operation that it gives in place of its own."""

    user: str = "town"
    password: str = "s3cret"
    rtsp: str = "rtsp://192.0.2.99:554/live"
    clock_off: timedelta = timedelta(0)
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: Request) -> Response:
        text = (await request.body()).decode()
        asked = re.search(r"Body[^>]*>\s*<(?:\w+:)?(\w+)", text)
        operation = asked[1] if asked else ""
        self.asked.append(operation)
        if operation in self.answers:
            return Response(self.answers[operation], media_type="application/soap+xml")
        if operation != "GetSystemDateAndTime" and not self._known(text):
            fault = FAULT.format("NotAuthorized", "Sender not Authorized")
            return Response(SOAP.format(fault), 400, media_type="application/soap+xml")
        body = self._body(operation, text)
        status = 500 if "s:Fault" in body else 200
        return Response(SOAP.format(body), status, media_type="application/soap+xml")

    def _known(self, text: str) -> bool:
        """PasswordDigest: of nonce, time and password (WS-Security UsernameToken 1.0)."""
        parts = [
            re.search(rf"<(?:\w+:)?{name}\b[^>]*>([^<]*)<", text)
            for name in ("Username", "Password", "Nonce", "Created")
        ]
        if not all(parts):
            return False
        user, digest, nonce, created = (part[1] for part in parts if part)
        at = datetime.fromisoformat(created)
        if abs(at - datetime.now(UTC) - self.clock_off) > timedelta(minutes=1):
            return False
        told = base64.b64decode(nonce) + created.encode() + self.password.encode()
        right = base64.b64encode(hashlib.sha1(told).digest()).decode()
        return (user, digest) == (self.user, right)

    def _body(self, operation: str, text: str) -> str:
        if operation == "GetSystemDateAndTime":
            return clock(datetime.now(UTC) + self.clock_off)
        if operation == "GetStreamUri":
            return STREAM.format(self.rtsp, "P1" if ">P1<" in text else "P2")
        return BODIES.get(operation, FAULT.format("ActionNotSupported", "not here"))


def clock(at: datetime) -> str:
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
        "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false"
        "</tt:DaylightSavings><tt:UTCDateTime><tt:Time>"
        f"<tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute>"
        f"<tt:Second>{at.second}</tt:Second></tt:Time><tt:Date><tt:Year>{at.year}</tt:Year>"
        f"<tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date>"
        "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def services() -> str:
    return "".join(
        f"<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{name}/wsdl"
        f"</tds:Namespace><tds:XAddr>http://10.9.9.9/onvif/{name}_service</tds:XAddr>"
        "<tds:Version><tt:Major>20</tt:Major><tt:Minor>6</tt:Minor></tds:Version>"
        "</tds:Service>"
        for name in ("device", "media", "events")
    )


def scopes() -> str:
    return "".join(
        "<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>"
        f"onvif://www.onvif.org/{scope}</tt:ScopeItem></tds:Scopes>"
        for scope in SCOPES
    )


MAIN = PROFILE.format(token="P1", name="main", width=1920, height=1080, codec="H264")
SMALL = PROFILE.format(token="P2", name="small", width=640, height=360, codec="JPEG")
STREAM = """<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{}/{}</tt:Uri>
<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false
</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"""
BODIES = {
    "GetDeviceInformation": (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Maker</tds:Manufacturer>"
        "<tds:Model>X-1</tds:Model><tds:FirmwareVersion>1.2.3</tds:FirmwareVersion>"
        "<tds:SerialNumber>7</tds:SerialNumber><tds:HardwareId>h</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    ),
    "GetServices": f"<tds:GetServicesResponse>{services()}</tds:GetServicesResponse>",
    "GetScopes": f"<tds:GetScopesResponse>{scopes()}</tds:GetScopesResponse>",
    "GetProfiles": f"<trt:GetProfilesResponse>{MAIN}{SMALL}</trt:GetProfilesResponse>",
}


@contextlib.contextmanager
def serving(device: Device) -> Iterator[Device]:
    app = Starlette(routes=[Route("/{rest:path}", device.answer, methods=["POST", "GET"])])
    listener = socket.create_server(("127.0.0.1", 0))
    device.url = f"http://127.0.0.1:{listener.getsockname()[1]}/onvif/device_service"
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield device
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
