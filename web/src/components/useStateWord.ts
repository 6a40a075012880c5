import { STATES, stateName } from "./states";
import { useCommonTexts } from "./texts";

/** A state in words, where there is no room for its badge. An unknown state is the hub's own word. */
export function useStateWord(): (status: string) => string {
  const t = useCommonTexts();
  return (status) => {
    const known = STATES[stateName(status)];
    return known ? t(known.text) : status;
  };
}
