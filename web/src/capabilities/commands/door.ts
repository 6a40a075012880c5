/** What other capabilities may use of this one: to run a document and to watch it. Nothing else here is theirs to import. */

export { sendCommand } from "./api";
export { OneNodePicker, type PickedNode } from "./OneNodePicker";
export { OneNodeRun } from "./OneNodeRun";
export { ParameterField } from "./ParameterField";
