import createWrapper from "@cloudscape-design/components/test-utils/dom";
import { act, render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { ApiError } from "@/platform/errors";
import { ConfirmAction } from "./ConfirmAction";

function dialog(onConfirm: () => Promise<unknown>, onClose: () => void = () => {}) {
  render(
    <ConfirmAction title="Remove?" action="Remove" word="web-1" onConfirm={onConfirm} onClose={onClose}>
      It is gone then.
    </ConfirmAction>,
  );
  const modal = createWrapper(document.body).findModal();
  const button = modal?.findFooter()?.findAllButtons().at(-1);
  return { button, type: (text: string) => act(() => modal?.findContent().findInput()?.setInputValue(text)) };
}

it("acts only after the name was typed", async () => {
  const onConfirm = vi.fn(() => Promise.resolve());
  const onClose = vi.fn();
  const { button, type } = dialog(onConfirm, onClose);
  expect(button?.isDisabled()).toBe(true);
  type("web-2");
  expect(button?.isDisabled()).toBe(true);
  type("web-1");
  expect(button?.isDisabled()).toBe(false);
  await act(async () => button?.click());
  expect(onConfirm).toHaveBeenCalledOnce();
  expect(onClose).toHaveBeenCalledOnce();
});

it("stays open and says what the hub refused", async () => {
  const onClose = vi.fn();
  const { button, type } = dialog(() => Promise.reject(new ApiError("InvalidInstanceId", "node `web-1` is not known", "r-7")), onClose);
  type("web-1");
  await act(async () => button?.click());
  expect(await screen.findByText(/Node `web-1` is not known/)).toBeTruthy();
  expect(screen.getByText(/InvalidInstanceId · Request r-7/)).toBeTruthy();
  expect(onClose).not.toHaveBeenCalled();
});
