import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { call, setCsrfToken, whenStepUpRequired, whenUnauthenticated } from "./api";
import { ApiError, errorCode } from "./errors";
import { preference, setPreference } from "./preferences";

const fetchMock = vi.fn<typeof fetch>();

beforeEach(() => vi.stubGlobal("fetch", fetchMock));
afterEach(() => {
  vi.unstubAllGlobals();
  fetchMock.mockReset();
  setCsrfToken(undefined);
});

const answer = (status: number, body: object) => new Response(JSON.stringify(body), { status, headers: { "x-amzn-RequestId": "r-1" } });

it("sends operation, body and the console's token", async () => {
  fetchMock.mockResolvedValue(answer(200, { Total: 3 }));
  setCsrfToken("csrf");
  await expect(call("Roadstead.SearchNodes", { MaxResults: 20 })).resolves.toEqual({ Total: 3 });
  const [url, init] = fetchMock.mock.calls[0] ?? [];
  expect(url).toBe("/");
  expect(init?.body).toBe('{"MaxResults":20}');
  expect(init?.headers).toMatchObject({ "X-Amz-Target": "Roadstead.SearchNodes", "X-Roadstead-Csrf": "csrf" });
});

it("throws the hub's code, words and request id", async () => {
  fetchMock.mockResolvedValue(answer(400, { __type: "InvalidInstanceId", message: "node `x` is not known" }));
  const error: unknown = await call("Roadstead.DescribeNode", { NodeId: "x" }).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "InvalidInstanceId", message: "node `x` is not known", requestId: "r-1" });
});

it("calls a hub that does not answer unreachable", async () => {
  fetchMock.mockRejectedValue(new TypeError("network"));
  await expect(call("Roadstead.GetCaller", {})).rejects.toMatchObject({ isUnreachable: true });
});

it("tells when the login is gone, and forgets it", async () => {
  setPreference("isLoggedIn", true);
  const gone = vi.fn();
  whenUnauthenticated(gone);
  fetchMock.mockResolvedValue(answer(400, { __type: "MissingAuthenticationTokenException", message: "log in" }));
  await expect(call("Roadstead.GetOverview", {})).rejects.toMatchObject({ isUnauthenticated: true });
  expect(gone).toHaveBeenCalledOnce();
  expect(preference("isLoggedIn")).toBe(false);
});

it("strips what stands around an error's code", () => {
  expect(errorCode("com.amazonaws.ssm#InvalidInstanceId:http://internal")).toBe("InvalidInstanceId");
});

/** Without the streams of a real response, whose reading takes turns of its own. */
const refused = () => ({ status: 400, ok: false, headers: new Headers(), text: async () => '{"__type":"StepUpRequiredException"}' }) as Response;

it("asks once for a proof that several calls want, and repeats each of them", async () => {
  const waiting: ((isGiven: boolean) => void)[] = [];
  const ask = vi.fn(() => new Promise<boolean>((resolve) => waiting.push(resolve)));
  whenStepUpRequired(ask);
  fetchMock.mockImplementation(async () => refused());
  const calls = [call("Roadstead.SearchNodes", {}), call("Roadstead.SearchNodes", {})];
  await new Promise((resolve) => setTimeout(resolve));
  fetchMock.mockImplementation(async () => answer(200, { Total: 3 }));
  for (const give of waiting) give(true);
  await expect(Promise.all(calls)).resolves.toEqual([{ Total: 3 }, { Total: 3 }]);
  expect(ask).toHaveBeenCalledOnce();
  whenStepUpRequired(undefined);
});

it("does not end the present login for a refusal of the one before", async () => {
  setPreference("isLoggedIn", true);
  const gone = vi.fn();
  whenUnauthenticated(gone);
  setCsrfToken("before");
  fetchMock.mockImplementation(async () => {
    setCsrfToken("now");
    return answer(400, { __type: "MissingAuthenticationTokenException", message: "log in" });
  });
  await expect(call("Roadstead.GetOverview", {})).rejects.toMatchObject({ isUnauthenticated: true });
  expect(gone).not.toHaveBeenCalled();
  expect(preference("isLoggedIn")).toBe(true);
});
