/** What states and ways are called. Pure. */

import { t, tn } from "../text.js";

export const STATES = {
  queued: t("waits"),
  sent: t("sent"),
  failed: t("failed, tried again"),
  givenUp: t("given up"),
};
export const WAYS = { email: t("e-mail"), webhook: "webhook", ntfy: "ntfy", matrix: "Matrix", browser: t("browser") };

/** Seconds as people say them. @param {number} seconds */
export function lasting(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60), rest = seconds % 60;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

/** How a way works. @param {any} way */
export function works(way) {
  if (way.failing) return tn(way.failures, "fails, {n} time in a row", "fails, {n} times in a row");
  if (way.failures) return tn(way.failures, "failed {n} time", "failed {n} times");
  return way.sentAt ? t("works") : t("not used yet");
}

/** What a call was about. @param {any} call */
export function about(call) {
  if (call.test) return t("test");
  if (!call.alarms) return "";
  return call.alarms > 1 ? t("{alarm} and {n} more", { alarm: call.about, n: call.alarms - 1 }) : call.about;
}
