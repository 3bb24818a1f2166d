/** A thumbnail of the picture, with the samples. */
import { hrefOf } from "../route.ts";
import { picture, show } from "./present.ts";
import { openSample, type Sample, Samples } from "./samples.tsx";

interface StripProps {
  readonly command: string;
  readonly samples: readonly Sample[];
}

export function PictureStrip({ command, samples }: StripProps) {
  const shown = picture.value;
  return (
    <section class="strip" aria-label="Input">
      <div class="strip-picture">{shown && <img src={shown.url} alt={`The picture: ${shown.name}`} />}</div>
      <div>
        <Samples samples={samples} choose={(sample) => void openSample(sample).then(show)} />
        <a class="small" href={hrefOf(command)}>
          Another picture
        </a>
      </div>
    </section>
  );
}
