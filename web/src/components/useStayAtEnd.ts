import { type KeyboardEvent, type RefObject, type WheelEvent, useEffect, useRef } from "react";

/** So near to its end a box counts as being there. */
const AT_END_PX = 24;
const KEYS_UP = new Set(["ArrowUp", "Home", "PageUp"]);

/** How a box stands: `scrollTop`, `scrollHeight` and `clientHeight` of its element. */
export interface Place {
  scrollTop: number;
  scrollHeight: number;
  clientHeight: number;
}

const toEnd = ({ scrollHeight, scrollTop, clientHeight }: Place) => scrollHeight - scrollTop - clientHeight;

/**
 * Whether a box goes on to follow its end, after it stood at `before` and stands as `place` says.
 *
 * A reader who moves up leaves the end, by however little: a smooth movement begins with a pixel. One who comes back down to the
 * end follows it again. A box that became shorter was moved up by the browser, but stands at its end.
 */
export function staysAtEnd(isFollowing: boolean, before: number, place: Place): boolean {
  if (place.scrollTop < before) return isFollowing && toEnd(place) < 1;
  return isFollowing || (place.scrollTop > before && toEnd(place) < AT_END_PX);
}

/** Returns where it stands then. */
function goToEnd(element: Element): number {
  if (toEnd(element) > 0) element.scrollTop = element.scrollHeight;
  return element.scrollTop;
}

/** Keeps a box of lines at its end as they come, until its reader scrolls up. What it returns belongs to the box. */
export function useStayAtEnd<T extends HTMLElement>(box: RefObject<T | null>, isFollowing: boolean, onFollow: (isFollowing: boolean) => void) {
  const before = useRef(0);
  const notice = () => {
    const element = box.current;
    // Behind another tab it has no height.
    if (!element || element.clientHeight === 0) return;
    const stays = staysAtEnd(isFollowing, before.current, element);
    before.current = element.scrollTop;
    if (stays !== isFollowing) onFollow(stays);
  };
  useEffect(() => {
    const element = box.current;
    if (!element || !isFollowing) return;
    // A reader may have moved it a moment ago: that is told after this.
    if (staysAtEnd(true, before.current, element)) before.current = goToEnd(element);
    else notice();
  });
  // A screen that is turned, and a tab that is shown again, move the end away.
  useEffect(() => {
    const element = box.current;
    if (!element || !isFollowing) return undefined;
    const observer = new ResizeObserver(() => {
      before.current = goToEnd(element);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [box, isFollowing]);
  const leave = () => {
    if (isFollowing && (box.current?.scrollTop ?? 0) > 0) onFollow(false);
  };
  return {
    // Where lines in front go, the browser would otherwise move what is shown up with them.
    "data-follows": isFollowing,
    onScroll: notice,
    // Before the movement begins, which lines that come would undo.
    onKeyDown: ({ key }: KeyboardEvent) => {
      if (KEYS_UP.has(key)) leave();
      // Lines come faster than a movement reaches them.
      if (key === "End" && !isFollowing) onFollow(true);
    },
    onWheel: ({ deltaY }: WheelEvent) => deltaY < 0 && leave(),
  };
}
