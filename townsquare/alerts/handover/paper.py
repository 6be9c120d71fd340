"""A hand-over as a PDF to print and to file: text with its fonts in it, no picture of it.

Always holds: every page names the town and the shift and says which page of how many it is; what
somebody wrote is set as it was written, in whatever script one of the fonts has.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import fontpkg_noto_sans
import fontpkg_noto_sans_arabic
import fontpkg_noto_sans_devanagari
import msgspec
import noto_cjk_sans_jp_regular
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from townsquare.alerts import told
from townsquare.alerts.handover.handover import Handover
from townsquare.alerts.handover.report import Case, OpenAlarm, Report
from townsquare.alerts.load.figures import Figure
from townsquare.alerts.notify.staff import OnCall
from townsquare.model.customs import number
from townsquare.model.texts import found, reading, text, text_of
from townsquare.model.town import Town

FAMILY = "Noto Sans"
OTHERS = {"Arabic": fontpkg_noto_sans_arabic, "Devanagari": fontpkg_noto_sans_devanagari}
# Read only for who needs it: that takes a second. It has the signs of Chinese and Korean as well.
EAST, EASTERN = "East Asia", re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
SIZE_PT, SMALL_PT, LARGE_PT, LINE_MM = 9.5, 8, 15, 4.8
GREY = (90, 90, 90)
BOLD = {"wght": 700.0}
Named = Callable[[str], str]
Cells = Sequence[str]


def pdf(report: Report, signed: Handover | None, town: Town, named: Named) -> bytes:
    """Takes a fifth of a second or more: call it in a thread."""
    sheet = Sheet(report, town, named, eastern=_eastern(report, signed, town, named))
    sheet.head(signed)
    if signed:
        sheet.words(signed)
    sheet.alarms(report)
    sheet.cases(report)
    sheet.rest(report)
    return bytes(sheet.output())


class Sheet(FPDF):
    def __init__(self, report: Report, town: Town, named: Named, *, eastern: bool) -> None:
        super().__init__(format="A4")
        self.report, self.town, self.named = report, town, named
        self.set_title(
            text("Hand-over {town} {time}", town=town.name, time=self._clock(report.until))
        )
        self.set_lang(reading.get().tag)
        self.set_margins(16, 14)
        self.set_auto_page_break(True, 16)
        upright = _font(fontpkg_noto_sans.ROOT)
        self.add_font(FAMILY, "", upright)
        self.add_font(FAMILY, "B", upright, variations=BOLD)
        for name, package in OTHERS.items():
            self.add_font(name, "", _font(package.ROOT))
            self.add_font(name, "B", _font(package.ROOT), variations=BOLD)
        if eastern:
            self.add_font(EAST, "", _font(Path(noto_cjk_sans_jp_regular.__file__).parent))
        spare = [*OTHERS, EAST] if eastern else list(OTHERS)
        self.set_fallback_fonts(spare, exact_match=False)
        self.set_text_shaping(True)
        self.add_page()

    # --- on every page

    def header(self) -> None:
        self.set_font(FAMILY, "", SMALL_PT)
        self.set_text_color(*GREY)
        since, until = self._clock(self.report.since), self._clock(self.report.until)
        span = {"town": self.town.name, "since": since, "until": until}
        line = text("{town}, hand-over of the shift {since} to {until}", **span)
        self.cell(0, LINE_MM, line)
        self.ln(LINE_MM + 3)
        self.set_text_color(0)

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FAMILY, "", SMALL_PT)
        self.set_text_color(*GREY)
        self.cell(0, LINE_MM, text("Times are those of {zone}.", zone=self.town.timezone))
        self.set_x(self.l_margin)
        self.cell(0, LINE_MM, text("Page {n} of {all}", n=self.page_no(), all="{nb}"), align="R")
        self.set_text_color(0)

    # --- parts

    def head(self, signed: Handover | None) -> None:
        self._title(text("Hand-over of the shift"), LARGE_PT)
        self._text(self._whose(signed))
        if signed and signed.remark:
            self._text(text("Said at taking over: {remark}", remark=signed.remark))
        self._text(told_open(self.report))
        if self.report.part:
            self._text(text("There is more than stands here: the lists end at their limit."))

    def _whose(self, signed: Handover | None) -> str:
        if not signed:
            return text("Not signed: how things stand at the end of the time above.")
        by, at = self.named(signed.written_by), self._clock(signed.written_at)
        written = text("Written by {who}, {time}.", who=by, time=at)
        taken = text("Nobody has taken it over yet.")
        if signed.accepted_by:
            by, at = self.named(signed.accepted_by), self._clock(signed.accepted_at)
            taken = text("Taken over by {who}, {time}.", who=by, time=at)
        elif signed.withdrawn_at:
            at, why = self._clock(signed.withdrawn_at), signed.withdrawn_why
            taken = text("Withdrawn at {time}: {why}", time=at, why=why)
        return f"{written} {taken}"

    def words(self, signed: Handover) -> None:
        self._title(text("Notes"))
        self._text(signed.notes or text("None."))
        self._title(text("Open points"))
        self._text("\n".join(f"{n}. {one}" for n, one in enumerate(signed.open_points, 1)))
        if not signed.open_points:
            self._text(text("None."))

    def alarms(self, report: Report) -> None:
        self._title(text("Alarms that are open"))
        heads = (text("Severity"), text("Alarm"), text("State"), text("Since"), text("Age"))
        self._table(heads, (16, 58, 34, 40, 30), map(self._alarm, report.alarms))
        self._title(text("Put aside"))
        heads = (text("How"), text("Alarm"), text("By"), text("Why"), text("Until"))
        self._table(heads, (26, 48, 34, 42, 28), map(self._aside, report.aside))

    def _alarm(self, one: OpenAlarm) -> Cells:
        name = f"{one.name} ({_short(one.source)})" if one.source else one.name
        severity, since = found(one.severity), self._clock(one.since)
        return (severity, name, told.state(one.state), since, self._age(one.since))

    def _aside(self, one: OpenAlarm) -> Cells:
        who = self.named(one.by) if one.by else ""
        how, until = told.state(one.state), self._clock(one.until) or text("no end")
        return (how, one.name, who, one.why, until)

    def cases(self, report: Report) -> None:
        heads = (
            text("Severity"),
            text("Incident"),
            text("State"),
            text("Who has it"),
            text("Last step"),
        )
        wide = (16, 52, 30, 36, 44)
        self._title(text("Incidents opened in the shift"))
        self._table(heads, wide, map(self._case, report.opened()))
        self._title(text("Incidents closed in the shift"))
        self._table(heads, wide, map(self._case, report.closed()))
        self._title(text("Incidents still open"))
        self._table(heads, wide, map(self._case, report.still_open()))
        self._title(text("Mandatory steps that were skipped"))
        rows = [
            (case.name, one.step, self.named(one.by) if one.by else "", one.why)
            for case, one in report.skipped()
        ]
        skipped = (text("Incident"), text("Step"), text("By"), text("Why"))
        self._table(skipped, (42, 52, 34, 50), rows)

    def _case(self, one: Case) -> Cells:
        owner = self.named(one.owner) if one.owner else text("nobody")
        return (found(one.severity), one.name, told.case(one.state), owner, one.last)

    def rest(self, report: Report) -> None:
        self._title(text("Sources that are lost"))
        rows = [(o.name, self._clock(o.since), self._age(o.since), o.trouble) for o in report.lost]
        heads = (text("Source"), text("Since"), text("Age"), text("Trouble"))
        self._table(heads, (48, 40, 26, 64), rows)
        self._title(text("Alarm load of the shift"))
        self._text(told_load(report))
        if report.load:
            heads = (
                text("Figure"),
                text("Value"),
                text("Judgement"),
                text("Very likely acceptable"),
            )
            self._table(heads, (58, 24, 46, 50), map(_figure, report.load.figures))
        self._title(text("People"))
        self._text(text("Signed in at the end: {who}", who=self._people(report.present)))
        for one in report.on_call:
            self._text(text("On call in {rota}: {who}", rota=one.rota, who=self._called(one)))
        self._text(text("Acted in the shift: {who}", who=self._people(report.acted)))

    def _called(self, one: OnCall) -> str:
        person = one.person or text("nobody")
        if one.since is None:
            return person
        then = text("from {time} {person}", time=self._clock(one.since), person=one.next)
        return f"{person}, {then}"

    # --- how it is set

    def _people(self, ids: Iterable[str]) -> str:
        return ", ".join(map(self.named, ids)) or text("nobody that is known")

    def _title(self, text: str, size_pt: float = 11) -> None:
        if self.will_page_break(4 * LINE_MM):
            self.add_page()
        self.ln(2)
        self.set_font(FAMILY, "B", size_pt)
        self.multi_cell(0, size_pt * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def _text(self, text: str) -> None:
        if not text:
            return
        self.set_font(FAMILY, "", SIZE_PT)
        self.multi_cell(0, LINE_MM, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _table(self, heads: Cells, wide_mm: tuple[int, ...], rows: Iterable[Cells]) -> None:
        kept = list(rows)
        if not kept:
            self._text(text("None."))
            return
        self.set_font(FAMILY, "", SIZE_PT - 1)
        with self.table(col_widths=wide_mm, text_align="LEFT", line_height=LINE_MM) as table:
            for cells in (heads, *kept):
                table.row(cells)

    def _clock(self, at: datetime | None) -> str:
        return f"{self.town.local(at):%Y-%m-%d %H:%M}" if at else ""

    def _age(self, since: datetime | None) -> str:
        return told.age(since, self.report.until) or text("unknown")


def told_open(report: Report) -> str:
    parts = (
        text_of(len(report.alarms), "{n} alarm open", "{n} alarms open"),
        text_of(len(report.aside), "{n} put aside", "{n} put aside"),
        text_of(len(report.still_open()), "{n} incident open", "{n} incidents open"),
        text_of(len(report.lost), "{n} source lost", "{n} sources lost"),
    )
    return f"{', '.join(parts)}."


def told_load(report: Report) -> str:
    load = report.load
    if load is None:
        return text("Unknown: the load is told to who sees all alarms.")
    parts = (
        text_of(load.annunciations, "{n} alarm", "{n} alarms"),
        text_of(load.acknowledgements, "{n} acknowledgement", "{n} acknowledgements"),
        text_of(load.floods, "{n} flood", "{n} floods"),
    )
    hours = number(load.unknown_h, ",.1f")
    unknown = text("Of {hours} h nothing is known.", hours=hours) if load.unknown_h >= 0.2 else ""
    return f"{', '.join(parts)}. {unknown}".rstrip()


def _figure(one: Figure) -> Cells:
    judgement = found(one.judgement) if one.judgement else text("not judged")
    value = told.figure(one) or text("unknown")
    return (found(one.title), value, judgement, told.limit(one.limit))


def _short(id: str) -> str:
    return id.rsplit(":", 1)[-1]


def _eastern(report: Report, signed: Handover | None, town: Town, named: Named) -> bool:
    people = [*report.present, *report.acted]
    text = [*map(named, people), town.name, msgspec.json.encode([report, signed]).decode()]
    return any(map(EASTERN.search, text))


def _font(folder: Path) -> Path:
    found = (*folder.glob("files/*.ttf"), *folder.glob("*.otf"))
    return next(file for file in found if "Italic" not in file.name)
