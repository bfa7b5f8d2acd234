import { deleteConnector, getConnector, listTags } from '../api/connectors.js';
import { dateTime } from '../format.js';
import { attempt } from '../state/notices.js';
import { useQuery } from '../state/query.js';
import { navigate } from '../state/router.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Link } from '../ui/link.js';
import { Facts, Failure, Loading, PageHead, Panel } from '../ui/panel.js';
import { State } from '../ui/state.js';
import { TagsPanel } from '../ui/tags.js';

export function ConnectorPage({ id }: { readonly id: string }) {
  const { data, error } = useQuery(`connector ${id}`, (signal) => getConnector(id, signal), { everyMs: 3_000 });
  const arn = data?.Arn;
  const tags = useQuery(arn === undefined ? undefined : `tags ${arn}`, (signal) => listTags(arn ?? '', signal), { everyMs: 20_000 });
  const egress = data?.Configuration.VpcEgressConfiguration;
  const remove = async (): Promise<void> => {
    if (await attempt(() => deleteConnector(id), `Deleting ${data?.Name ?? id}`)) navigate('/connectors');
  };
  return (
    <>
      <PageHead
        title={data?.Name ?? id} trail={<Link to="/connectors">Connectors</Link>} badge={data !== undefined && <State of={data.State} />}
        actions={data !== undefined && <ConfirmButton label="Delete" title={`Delete ${data.Name}?`} text="Images and MicroVMs that use it keep it from being deleted." confirm={remove} />}
      />
      <Failure error={error} />
      {data === undefined && error === undefined && <Loading />}
      {data?.StateReason !== undefined && <p class="reason">{data.StateReason}</p>}
      {data !== undefined && (
        <div class="panels">
          <Panel title="Details">
            <Facts of={[
              ['Id', <span class="code">{data.Id}</span>], ['ARN', <span class="code">{data.Arn}</span>], ['Version', String(data.Version)],
              ['Subnets', egress?.SubnetIds.map((subnet) => <span key={subnet} class="chip">{subnet}</span>)],
              ['Security groups', egress?.SecurityGroupIds?.map((group) => <span key={group} class="chip">{group}</span>)],
              ['Protocol', egress?.NetworkProtocol], ['Operator role', data.OperatorRole],
              ['Last update', `${data.LastUpdateStatus}${data.LastUpdateStatusReason === undefined ? '' : `: ${data.LastUpdateStatusReason}`}`],
              ['Modified', dateTime(Date.parse(data.LastModified) / 1000)],
            ]} />
          </Panel>
          {arn !== undefined && tags.data !== undefined && <TagsPanel arn={arn} tags={tags.data} changed={tags.refresh} />}
          <Failure error={tags.error} />
        </div>
      )}
    </>
  );
}
