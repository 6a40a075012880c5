/** How many lines a paste would type; one line without a line break is harmless. */
export function pastedLines(text: string): number {
  return text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n").length;
}

/** Text that may run something by itself asks first. */
export function needsGuard(text: string): boolean {
  return /[\r\n]/.test(text);
}
