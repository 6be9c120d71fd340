/** Between the server's JSON and the browser's passkeys (W3C Web Authentication, Level 3). */

import { t } from "../text.js";

const NOT_HERE = t("This browser cannot use passkeys. Use a current Chrome, Edge, Firefox or Safari.");
const SAID_NO = t("Nothing was done: the passkey was not used, or it took too long. Try again.");
const KNOWN_ALREADY = t(
  "This authenticator holds a passkey of this town already. Each person needs one of their own; a second passkey belongs on another device.",
);

/** @param {object} options of the server @returns {Promise<object>} the new passkey as JSON */
export async function make(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials.map((known) => ({ ...known, id: bytes(known.id) })),
  };
  const made = await asked(() => navigator.credentials.create({ publicKey }));
  const { attestationObject, clientDataJSON } = made.response;
  return json(made, { attestationObject, clientDataJSON });
}

/** @param {object} options of the server @returns {Promise<object>} the signature as JSON */
export async function sign(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  const signed = await asked(() => navigator.credentials.get({ publicKey }));
  const { authenticatorData, clientDataJSON, signature } = signed.response;
  return json(signed, { authenticatorData, clientDataJSON, signature });
}

async function asked(/** @type {() => Promise<any>} */ ask) {
  if (!window.PublicKeyCredential) throw new Error(NOT_HERE);
  try {
    return await ask();
  } catch (error) {
    throw new Error(error.name === "InvalidStateError" ? KNOWN_ALREADY : SAID_NO);
  }
}

function json(/** @type {any} */ credential, /** @type {Record<string, ArrayBuffer>} */ parts) {
  const response = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, text(part)]));
  const { id, type } = credential;
  return { id, rawId: text(credential.rawId), type, response };
}

function bytes(/** @type {string} */ text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(/** @type {ArrayBuffer} */ buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
