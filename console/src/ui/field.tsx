import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly help?: ComponentChildren;
  /** Of the one control in it. */
  readonly children: (attributes: { readonly id: string; readonly 'aria-describedby': string | undefined }) => ComponentChildren;
}

export function Field({ label, help, children }: FieldProps) {
  const id = useId();
  const described = help === undefined ? undefined : `${id}-help`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': described })}
      {help !== undefined && <p class="help" id={described}>{help}</p>}
    </div>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly help?: ComponentChildren;
  readonly value: string;
  readonly onText: (value: string) => void;
  readonly type?: 'text' | 'password' | 'number' | 'date';
  readonly required?: boolean;
  readonly placeholder?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly min?: number | string | undefined;
  readonly max?: number | string | undefined;
  readonly step?: string;
  readonly autocomplete?: string;
  readonly autocapitalize?: 'off';
  readonly spellcheck?: boolean;
}

export function TextField({ label, help, onText, type = 'text', ...input }: TextFieldProps) {
  // Preact's types tell the kinds of inputs apart by a literal.
  const literal = type as 'text';
  return (
    <Field label={label} help={help}>
      {(attributes) => <input type={literal} {...input} {...attributes} onInput={({ currentTarget }) => onText(currentTarget.value)} />}
    </Field>
  );
}

interface CheckProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onCheck: (checked: boolean) => void;
}

export function Check({ label, checked, onCheck }: CheckProps) {
  return <label class="check"><input type="checkbox" checked={checked} onChange={({ currentTarget }) => onCheck(currentTarget.checked)} /> {label}</label>;
}
