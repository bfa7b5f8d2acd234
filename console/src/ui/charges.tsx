import type { Charge } from '../api/usage.js';
import { dollars, quantity } from '../format.js';

export function Charges({ charges, cost }: { readonly charges: readonly Charge[]; readonly cost: number }) {
  return (
    <table class="figures">
      <thead><tr><th scope="col">What AWS would charge for</th><th scope="col" class="number">Quantity</th><th scope="col" class="number wide-only">Price</th><th scope="col" class="number">Cost</th></tr></thead>
      <tbody>
        {charges.map(({ dimension, unit, quantity: amount, unitPrice, cost: line }) => (
          <tr key={dimension}>
            <th scope="row">{dimension}<meter class="share" aria-label={`share of the cost of ${dimension}`} min={0} max={cost || 1} value={line} /></th>
            <td class="number">{quantity(amount)} <span class="unit">{unit.includes('-') ? `${unit}s` : unit}</span></td>
            <td class="number wide-only">${unitPrice}</td>
            <td class="number">{dollars(line)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot><tr><th scope="row">Total</th><td /><td class="wide-only" /><td class="number"><strong>{dollars(cost)}</strong></td></tr></tfoot>
    </table>
  );
}
