import { useEffect, useState, useSyncExternalStore } from "react";
import { type Followed, OutputsFollower, type Wish } from "./OutputsFollower";

/** Follows while the component is there. Whoever wishes for other nodes is another component. */
export function useOutputs(wish: Wish, isOver: boolean, begun: number): Followed {
  const [follower] = useState(() => new OutputsFollower(wish));
  // Said first: of a command that is over, it looks once.
  useEffect(() => follower.told(isOver, begun), [follower, isOver, begun]);
  useEffect(() => follower.start(), [follower]);
  return useSyncExternalStore(follower.watch, () => follower.followed);
}
