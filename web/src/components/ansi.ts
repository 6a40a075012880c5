/** Colours and cursor movements mean nothing in a plain view. Sequences may be cut between two pieces. */
export class AnsiStripper {
  private carry = "";

  strip(text: string): string {
    const whole = this.carry + text;
    // oxlint-disable-next-line no-control-regex -- escape sequences are control characters
    const cut = /\x1b(?:\[[0-9;?]*|\][^\x07\x1b]*)?$/.exec(whole);
    this.carry = cut && cut[0].length < 256 ? cut[0] : "";
    const complete = this.carry === "" ? whole : whole.slice(0, cut?.index);
    // oxlint-disable-next-line no-control-regex -- as above
    return complete.replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g, "");
  }
}
