/** A thumbnail of the picture, with the samples. */
import { show } from "../../media/present.ts";
import { openSample, SAMPLES, Samples } from "../../media/samples.tsx";
import { hrefOf } from "../../route.ts";
import { picture } from "./state.ts";

export function PictureStrip({ command }: { readonly command: string }) {
  const shown = picture.value;
  return (
    <section class="strip" aria-label="Input">
      <div class="strip-picture">{shown && <img src={shown.url} alt={`The picture: ${shown.name}`} />}</div>
      <div>
        <Samples samples={SAMPLES} choose={(sample) => void openSample(sample).then(show)} />
        <a class="small" href={hrefOf(command)}>
          Another picture
        </a>
      </div>
    </section>
  );
}
