/** Ask for the agreement of somebody else, and wait until it is there. */

import { t } from "../text.js";
import { Refused, asked, post } from "./act.js";

const EVERY_MS = 2000;

/**
 * @param {{act: string, subject: string, detail: object}} wish
 * @param {() => boolean} still whether anybody waits for it
 * @param {() => void} waits called once it is asked for, so that others can see it
 * @returns {Promise<string>} the id of the approval; empty when nobody waits any more
 * @throws {Refused} with the reason of who refused, or when nobody answered in time
 */
export async function agreed(wish, still, waits) {
  let one = await post("/approvals", wish);
  waits();
  const path = `/approvals/${encodeURIComponent(one.id)}`;
  while (still()) {
    if (one.approvedBy.length >= one.needed) return one.id;
    if (one.status === "refused") throw new Refused(t("It was refused: {reason}", { reason: one.reason }), 403);
    if (Date.parse(one.expiresAt) <= Date.now()) throw new Refused(t("Nobody answered in time."), 403);
    await new Promise((go) => setTimeout(go, EVERY_MS));
    one = await (await asked(path)).json();
  }
  return "";
}
