import { expect, test } from "vitest";
import { type Place, staysAtEnd } from "./useStayAtEnd";

const place = (scrollTop: number, scrollHeight = 1000): Place => ({ scrollTop, scrollHeight, clientHeight: 200 });

test("a reader who moves up leaves the end, by however little", () => {
  expect(staysAtEnd(true, 800, place(797))).toBe(false);
  expect(staysAtEnd(true, 800, place(0))).toBe(false);
  expect(staysAtEnd(false, 797, place(790))).toBe(false);
});

test("lines that come move the end away, and the box follows", () => {
  expect(staysAtEnd(true, 800, place(800, 5000))).toBe(true);
});

test("a box that became shorter was moved by the browser", () => {
  expect(staysAtEnd(true, 800, place(300, 500))).toBe(true);
});

test("who comes back down to the end follows it again, who stands still does not", () => {
  expect(staysAtEnd(false, 700, place(790))).toBe(true);
  expect(staysAtEnd(false, 700, place(750))).toBe(false);
  expect(staysAtEnd(false, 790, place(790))).toBe(false);
});
