/** The group of a command that is to be sent and names none: a proposal, by its document. Of a sent one the hub says the group. */
export function usualLogGroup(documentName: string): string {
  return `/aws/ssm/${documentName.replace(/[^A-Za-z0-9._\-/#]/gu, "-")}`;
}

/** Empty for the usual one, or what the hub takes as a name. */
export function isLogGroup(text: string): boolean {
  return /^[A-Za-z0-9._\-/#]{0,512}$/.test(text.trim());
}
