/** What Enter writes: the next line begins where its content is expected. Pure. */

export function newLine(text: string, position: number, format: string): string {
  const line = text.slice(text.lastIndexOf("\n", position - 1) + 1, position);
  const [indent = ""] = /^\s*/.exec(line) ?? [];
  if (format === "JSON") return /[{[]\s*$/.test(line) ? `\n${indent}  ` : `\n${indent}`;
  if (format !== "YAML") return "\n";
  const [, dashes = ""] = /^\s*((?:- +)*)/.exec(line) ?? [];
  // An item that is a map goes on below its first member, an item that is a text gets its next one below the dash.
  const isMember = /^[\w.-]+:(\s|$)/.test(line.slice(indent.length + dashes.length));
  const inner = indent + (isMember ? " ".repeat(dashes.length) : "");
  return /:\s*$|(?::|-)\s+[|>][-+0-9]*\s*$/.test(line) && line.trim() !== "" ? `\n${inner}  ` : `\n${inner}`;
}
