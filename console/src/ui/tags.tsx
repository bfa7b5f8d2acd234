import { useState } from 'preact/hooks';
import { addTag, removeTag } from '../api/connectors.js';
import type { Tags } from '../api/images.js';
import { attempt } from '../state/notices.js';
import { Panel } from './panel.js';

interface TagsPanelProps {
  readonly arn: string;
  readonly tags: Tags;
  readonly changed: () => void;
}

export function TagsPanel({ arn, tags, changed }: TagsPanelProps) {
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!(await attempt(() => addTag(arn, key, value), `Tag ${key} set`))) return;
    setKey('');
    setValue('');
    changed();
  };
  const remove = async (name: string): Promise<void> => {
    if (await attempt(() => removeTag(arn, name), `Tag ${name} removed`)) changed();
  };
  return (
    <Panel title="Tags">
      <ul class="tags">
        {Object.entries(tags).map(([name, text]) => (
          <li key={name}><span class="code">{name}</span><span>{text}</span><button type="button" class="small" aria-label={`Remove tag ${name}`} onClick={() => void remove(name)}>×</button></li>
        ))}
        {Object.keys(tags).length === 0 && <li class="quiet">No tags.</li>}
      </ul>
      <form class="inline" onSubmit={(event) => void add(event)}>
        <input aria-label="Tag key" placeholder="key" required maxLength={128} value={key} onInput={({ currentTarget }) => setKey(currentTarget.value)} />
        <input aria-label="Tag value" placeholder="value" maxLength={256} value={value} onInput={({ currentTarget }) => setValue(currentTarget.value)} />
        <button type="submit">Add</button>
      </form>
    </Panel>
  );
}
