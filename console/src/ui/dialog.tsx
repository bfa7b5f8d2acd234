import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Modal while it is there; Escape closes it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly label: string;
  readonly title: string;
  readonly text: string;
  readonly confirm: () => Promise<unknown>;
  readonly disabled?: boolean;
}

/** A button for what cannot be undone: asks first. */
export function ConfirmButton({ label, title, text, confirm, disabled }: ConfirmProps) {
  const [asking, setAsking] = useState(false);
  const close = (): void => setAsking(false);
  const go = (): void => {
    close();
    confirm().catch(reportError);
  };
  return (
    <>
      <button type="button" class="danger" disabled={disabled} onClick={() => setAsking(true)}>{label}</button>
      {asking && (
        <Dialog title={title} onClose={close}>
          <p>{text}</p>
          <div class="actions end">
            <button type="button" onClick={close}>Cancel</button>
            <button type="button" class="danger solid" onClick={go}>{label}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}
