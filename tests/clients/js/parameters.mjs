// Drives Parameter Store with the unmodified JavaScript SDK; prints one line of JSON with what it saw.
import {
  DeleteParametersCommand, DescribeParametersCommand, GetParameterCommand, GetParameterHistoryCommand, GetParametersCommand,
  LabelParameterVersionCommand, PutParameterCommand, SSMClient, paginateGetParametersByPath,
} from "@aws-sdk/client-ssm";

const { ENDPOINT, ROOT } = process.env;
const client = new SSMClient({ endpoint: ENDPOINT, region: "eu-central-1", maxAttempts: 1 });
const seen = {};

await client.send(new PutParameterCommand({ Name: `${ROOT}/a`, Value: "one", Type: "String" }));
const again = await client.send(new PutParameterCommand({ Name: `${ROOT}/a`, Value: "two", Overwrite: true }));
seen.version = again.Version;
await client.send(new PutParameterCommand({ Name: `${ROOT}/b`, Value: "open sesame", Type: "SecureString" }));
await client.send(new LabelParameterVersionCommand({ Name: `${ROOT}/a`, ParameterVersion: 1, Labels: ["first"] }));
const labelled = await client.send(new GetParameterCommand({ Name: `${ROOT}/a:first` }));
seen.labelled = labelled.Parameter.Value;
seen.isDate = labelled.Parameter.LastModifiedDate instanceof Date && Math.abs(Date.now() - labelled.Parameter.LastModifiedDate) < 60_000;
const many = await client.send(new GetParametersCommand({ Names: [`${ROOT}/a`, `${ROOT}/b`, "none"], WithDecryption: true }));
seen.many = many.Parameters.map(({ Value }) => Value);
seen.invalid = many.InvalidParameters;
seen.paged = [];
for await (const page of paginateGetParametersByPath({ client, pageSize: 1 }, { Path: ROOT })) seen.paged.push(page.Parameters.length);
const history = await client.send(new GetParameterHistoryCommand({ Name: `${ROOT}/a` }));
seen.labels = history.Parameters.map(({ Labels }) => Labels);
const described = await client.send(
  new DescribeParametersCommand({ ParameterFilters: [{ Key: "Path", Option: "Recursive", Values: [ROOT] }] }),
);
seen.described = described.Parameters.map(({ Name, Type }) => [Name, Type]);
const deleted = await client.send(new DeleteParametersCommand({ Names: [`${ROOT}/a`, `${ROOT}/b`] }));
seen.deleted = deleted.DeletedParameters.length;
try {
  await client.send(new GetParameterCommand({ Name: `${ROOT}/a` }));
} catch (error) {
  seen.error = [error.name, error.message];
}
console.log(JSON.stringify(seen));
