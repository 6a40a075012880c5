// A real OpenID provider on the loopback: node provider.mjs PORT CERT KEY REDIRECT_URI ALGORITHM CLAIMS
// Each start has another signing key, as a provider has after it rotated its own. CLAIMS is where it tells of a person: in the
// identity token (`token`), or where it is asked for with the access token (`userinfo`).
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const [port, cert, key, redirectUri, algorithm, claims] = process.argv.slice(2);
const groups = { ann: ["ops"], bob: ["guests"] };
const { privateKey } = algorithm === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });

const provider = new Provider(`https://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "roadstead",
      client_secret: "a secret of the test suite",
      redirect_uris: [redirectUri],
      id_token_signed_response_alg: algorithm,
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: algorithm, use: "sig", kid: randomBytes(8).toString("hex") }] },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
  conformIdTokenClaims: claims === "userinfo",
  cookies: { keys: [randomBytes(16).toString("hex")] },
  pkce: { required: () => true },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: `subject-${id}`, preferred_username: id, groups: groups[id] ?? [] }),
  }),
});
createServer({ cert: readFileSync(cert), key: readFileSync(key) }, provider.callback()).listen(Number(port), "127.0.0.1");
