import { expect, it } from "vitest";
import { awsBlock } from "./awsBlock";

it("names the certificate only where there is one", () => {
  expect(awsBlock("https://hub:7400", "local")).toContain("AWS_CA_BUNDLE");
  const plain = awsBlock("http://127.0.0.1:7400", "local");
  expect(plain).not.toContain("AWS_CA_BUNDLE");
  expect(plain).toContain("export AWS_ENDPOINT_URL_SSM=http://127.0.0.1:7400 AWS_ENDPOINT_URL_STS=http://127.0.0.1:7400\nexport AWS_REGION=local");
});
