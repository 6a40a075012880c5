/** Passkeys: the browser's side. Bytes travel as base64url. */

import { call } from "./api";
import type { PasskeyProof, Result } from "./types";

/** Whether this browser can have passkeys at all; where the page is, is the hub's question. */
export function hasPasskeys(): boolean {
  return window.isSecureContext && typeof PublicKeyCredential === "function";
}

/** Makes a passkey and hands it to the hub. */
export async function registerPasskey(name: string): Promise<Result<"Roadstead.ConfirmPasskey">> {
  const begun = await call("Roadstead.BeginPasskey", {});
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(begun.Challenge),
      rp: { id: begun.RpId, name: "Roadstead" },
      user: { id: bytes(begun.UserHandle), name: begun.UserName, displayName: begun.UserName },
      pubKeyCredParams: begun.Algorithms.map((alg) => ({ type: "public-key" as const, alg })),
      excludeCredentials: begun.ExcludeIds.map((id) => ({ type: "public-key" as const, id: bytes(id) })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    },
  });
  const response = responseOf(credential, AuthenticatorAttestationResponse);
  return call("Roadstead.ConfirmPasskey", {
    Challenge: begun.Challenge,
    Name: name,
    ClientData: text(response.clientDataJSON),
    Attestation: text(response.attestationObject),
  });
}

/** Asks the authenticator for a proof that the hub accepts as a login or as a fresh proof. */
export async function provePasskey(): Promise<PasskeyProof> {
  const begun = await call("Roadstead.BeginPasskeyLogin", {});
  const credential = await navigator.credentials.get({
    publicKey: { challenge: bytes(begun.Challenge), rpId: begun.RpId, userVerification: "required" },
  });
  const response = responseOf(credential, AuthenticatorAssertionResponse);
  return {
    Challenge: begun.Challenge,
    PasskeyId: credential?.id ?? "",
    ClientData: text(response.clientDataJSON),
    AuthenticatorData: text(response.authenticatorData),
    Signature: text(response.signature),
  };
}

function responseOf<Kind extends AuthenticatorResponse>(credential: Credential | null, kind: new () => Kind): Kind {
  if (credential instanceof PublicKeyCredential && credential.response instanceof kind) return credential.response;
  throw new Error("the browser gave no passkey");
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.codePointAt(0) ?? 0);
}

function text(buffer: ArrayBuffer): string {
  const binary = [...new Uint8Array(buffer)].map((byte) => String.fromCodePoint(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
