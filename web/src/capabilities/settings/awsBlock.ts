/** What a shell needs before aws-cli and boto3 talk to this hub. The keys stay blanks: a secret is shown only once. */
export function awsBlock(origin: string, region: string): string {
  const isTls = origin.startsWith("https:");
  return [
    ...(isTls ? [`curl -ksS ${origin}/ca.pem -o roadstead-ca.pem   # compare its fingerprint with the one above`] : []),
    `export AWS_ENDPOINT_URL_SSM=${origin} AWS_ENDPOINT_URL_STS=${origin}`,
    `export AWS_REGION=${region}`,
    ...(isTls ? ["export AWS_CA_BUNDLE=$PWD/roadstead-ca.pem"] : []),
    "export AWS_ACCESS_KEY_ID=…",
    "export AWS_SECRET_ACCESS_KEY=…",
    "aws ssm describe-instance-information",
  ].join("\n");
}
