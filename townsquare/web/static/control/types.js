/**
 * The shapes that reach the control room. Only types: nothing here runs.
 *
 * @typedef {{name: string, title: string}} Role
 * @typedef {{name: string, timezone: string, centre: [number, number]|null, zoom: number}} Town
 * `centre` is null where none is set: then the map shows all that has a place.
 * @typedef {{role: string, roles: Role[], may: string[], demo: boolean, town: Town,
 *   previews: {[purpose: string]: "now"|"approval"},
 *   pages: {path: string, title: string}[], version: string}} Session
 * `pages` are those of this role beside the control room.
 * `may` has what the policy lets this role do: "acknowledge", "evaluate", "calibrate", "see clearly". `previews` has the purposes that a
 * picture can be had for, at once or once others agree.
 *
 * @typedef {{id: string, type: string, scope?: string[], at: string, [name: string]: any}} Entity
 * Simplified form: each attribute is its value. What is absent is unknown.
 *
 * @typedef {"critical"|"high"|"medium"|"low"} Severity
 * @typedef {{id: string, at: [number, number], rank: number, failing: boolean}} Place
 * Of a camera or alarm, as [lon, lat]. `rank` is the place of its worst alarm in SEVERITIES, or behind them.
 *
 * @typedef {{since: number, until: number, values: (number|null)[], coverage: number|null,
 *   sample: boolean, open?: boolean}} Window
 * Times are seconds since 1970. A window that is `open` is still growing.
 *
 * @typedef {{id: string, name: string, kind: "line"|"zone", columns: string[],
 *   live: Entity|undefined, queue: Entity|undefined, closed: Entity|undefined}} Measure
 * `queue` is of vehicles in a zone that is watched for one.
 *
 * @typedef {{kind: "snapshot", entities: Entity[]} | {kind: "change", entity: Entity}
 *   | {kind: "gone", id: string} | {kind: "up"} | {kind: "down", since: number}
 *   | {kind: "bye", reason: string} | {kind: "seat", seat: string} | {kind: "clock", ahead: number}
 *   | {kind: "looking", alarms: {[alarm: string]: Looker[]}}} News
 * `seat` is how the server knows this connection; `ahead` is as `Delays` has it; `looking` has who else selected what is selected here.
 *
 * @typedef {{name: string, since: string, own: boolean}} Looker
 * `own` is oneself, in another browser.
 */

export {};
