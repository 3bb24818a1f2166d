import type { ComponentChildren } from "preact";
import { CloseIcon } from "./icons.tsx";

interface NoticeProps {
  readonly children: ComponentChildren;
  readonly close?: () => void;
}

/** What went wrong, and what to do. */
export function Notice({ children, close }: NoticeProps) {
  return (
    <div class="notice" role="alert">
      <p>{children}</p>
      {close && (
        <button type="button" class="bare" aria-label="Dismiss" onClick={close}>
          <CloseIcon />
        </button>
      )}
    </div>
  );
}
