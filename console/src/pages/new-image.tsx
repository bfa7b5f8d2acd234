/** A new image, or a new version of one: choose a zip, upload it, build it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, type SessionInfo } from '../api/client.js';
import { createImage, type ImageInput, listBaseImages, listVersions, updateImage, type Version } from '../api/images.js';
import { uploadArtifact } from '../api/upload.js';
import { imageArn, newClientToken } from '../arn.js';
import { bytes } from '../format.js';
import { navigate } from '../state/router.js';
import { say } from '../state/notices.js';
import { useQuery } from '../state/query.js';
import { Check, Field, TextField } from '../ui/field.js';
import { Link } from '../ui/link.js';
import { Failure, PageHead } from '../ui/panel.js';
import { defaultForm, formOf, inputOf, type ImageForm } from './image-form.js';

interface NewImagePageProps {
  readonly session: SessionInfo;
  /** Of the image that gets a new version. */
  readonly name?: string;
}

const MEMORY_SIZES = [512, 1024, 2048, 4096, 8192] as const;

export function NewImagePage({ session, name }: NewImagePageProps) {
  const arn = name === undefined ? undefined : imageArn(session, name);
  const bases = useQuery('base images', listBaseImages, { everyMs: 600_000 });
  const before = useQuery(arn === undefined ? undefined : `last version ${arn}`, (signal) => latestVersion(arn ?? '', signal), { everyMs: 600_000 });
  const [form, setForm] = useState<ImageForm>(() => defaultForm(session));
  const [newName, setNewName] = useState('');
  const [file, setFile] = useState<File>();
  const [progress, setProgress] = useState<number>();
  const [token] = useState(newClientToken);
  const upload = useRef<AbortController | undefined>(undefined);
  const set = (members: Partial<ImageForm>): void => setForm((old) => ({ ...old, ...members }));

  useEffect(() => {
    if (before.data !== undefined) setForm(formOf(before.data));
  }, [before.data === undefined]);
  useEffect(() => () => upload.current?.abort(), []);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const imageName = name ?? newName;
    if (file === undefined) return say('bad', 'Choose the zip with the application and its Dockerfile');
    upload.current = new AbortController();
    setProgress(0);
    try {
      const uri = await uploadArtifact(session.accountId, imageName, file, setProgress, upload.current.signal);
      const input: ImageInput = inputOf({ ...form, base: form.base === '' ? (bases.data?.[0] ?? '') : form.base }, uri, before.data);
      const { imageVersion } = arn === undefined ? await createImage(imageName, input, token) : await updateImage(arn, input, token);
      navigate(`/images/${imageName}/versions/${imageVersion}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say('bad', error.message);
      setProgress(undefined);
    }
  };

  return (
    <>
      <PageHead title={name === undefined ? 'Create image' : `New version of ${name}`} trail={<><Link to="/images">Images</Link>{name !== undefined && <> / <Link to={`/images/${name}`}>{name}</Link></>}</>} />
      <Failure error={bases.error ?? before.error} />
      <form class="panel form" onSubmit={(event) => void submit(event)}>
        {name === undefined && <TextField label="Name" required maxLength={64} pattern="[a-zA-Z0-9_\-]+" spellcheck={false} autocapitalize="off" value={newName} onText={setNewName} help="Letters, digits, - and _." />}
        <Field label="Application" help="A zip with a Dockerfile and what it copies.">
          {(attributes) => <input {...attributes} type="file" accept=".zip,application/zip" required onChange={({ currentTarget }) => setFile(currentTarget.files?.[0])} />}
        </Field>
        <div class="row">
          <Field label="Memory">
            {(attributes) => (
              <select {...attributes} value={form.memoryMiB} onChange={({ currentTarget }) => set({ memoryMiB: currentTarget.value })}>
                <option value="">default</option>
                {MEMORY_SIZES.map((size) => <option key={size} value={String(size)}>{size} MiB</option>)}
              </select>
            )}
          </Field>
          <Field label="Base image">
            {(attributes) => (
              <select {...attributes} value={form.base === '' ? bases.data?.[0] : form.base} onChange={({ currentTarget }) => set({ base: currentTarget.value })}>
                {bases.data?.map((base) => <option key={base} value={base}>{base.slice(base.lastIndexOf(':') + 1)}</option>)}
              </select>
            )}
          </Field>
        </div>
        <fieldset>
          <legend>When to take the snapshot</legend>
          <Check label="Once POST /ready answers 200; else two seconds after the start" checked={form.ready} onCheck={(ready) => set({ ready })} />
          {form.ready && <TextField label="Port of the hooks" type="number" min={1} max={65_535} required value={form.hookPort} onText={(hookPort) => set({ hookPort })} />}
        </fieldset>
        <details>
          <summary>More</summary>
          <TextField label="Description" value={form.description} onText={(description) => set({ description })} />
          <TextField label="Build role" required value={form.role} onText={(role) => set({ role })} />
          <Field label="Environment" help="A line each: NAME=value">
            {(attributes) => <textarea {...attributes} rows={4} spellcheck={false} value={form.environment} onInput={({ currentTarget }) => set({ environment: currentTarget.value })} />}
          </Field>
        </details>
        {progress !== undefined && file !== undefined && <Progress part={progress} size={file.size} />}
        <div class="actions end"><button type="submit" class="primary" disabled={progress !== undefined}>Upload and build</button></div>
      </form>
    </>
  );
}

function Progress({ part, size }: { readonly part: number; readonly size: number }) {
  return <p class="progress" role="status"><progress aria-label="Upload" max={1} value={part} /> {part < 1 ? `${bytes(part * size)} of ${bytes(size)}` : 'Uploaded; the build is being started…'}</p>;
}

async function latestVersion(arn: string, signal: AbortSignal): Promise<Version | undefined> {
  return (await listVersions(arn, signal)).sort((a, b) => b.createdAt - a.createdAt)[0];
}
