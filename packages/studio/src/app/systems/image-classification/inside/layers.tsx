/** Every layer with its share of the parameters and of the work. */
import type { LayerProfile } from "../../../../api/index.ts";
import { count, shape } from "../../../format.ts";

export function Layers({ layers = [] }: { readonly layers: readonly LayerProfile[] | undefined }) {
  const params = Math.max(1, ...layers.map((layer) => layer.params));
  const macs = Math.max(1, ...layers.map((layer) => layer.macs));
  return (
    <section class="slab layers" aria-labelledby="layers">
      <h2 id="layers">{layers.length > 0 ? `${layers.length} layers` : "Layers"}</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Type</th>
              <th scope="col">Output</th>
              <th scope="col" class="number">
                Parameters
              </th>
              <th scope="col" class="number">
                Multiplications
              </th>
              <th scope="col" class="number">
                Sees
              </th>
            </tr>
          </thead>
          <tbody>
            {layers.map((layer, i) => (
              <tr key={i}>
                <th scope="row">
                  <code>{layer.path || "·"}</code>
                </th>
                <td>{layer.type}</td>
                <td class="quiet">{shape(layer.outputShape)}</td>
                <Amount value={layer.params} most={params} />
                <Amount value={layer.macs} most={macs} />
                <td class="number quiet">
                  {layer.receptiveField === null ? "all" : `${layer.receptiveField} px`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Amount({ value, most }: { readonly value: number; readonly most: number }) {
  return (
    <td class="number amount">
      <span class="amount-bar" style={{ width: `${(value / most) * 100}%` }} />
      <span>{value === 0 ? "–" : count(value)}</span>
    </td>
  );
}
