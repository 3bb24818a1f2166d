/**
 * `node tools/card.ts [classify | depth]`: pictures of systems on the studio's home page. That of image classification is
 * made of what two shipped networks answer to a sample picture, and needs Chromium; that of depth is a rendered room and
 * its depth.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { renderPair } from "../packages/depth/src/render/index.ts";
import { dataUrl } from "../packages/kit/src/index.ts";
import { colorize, encodeImage, type Image, Planes, resizePil } from "../packages/media/src/index.ts";
import { startStudio } from "../packages/studio/src/server/index.ts";
import type { Classification } from "../packages/vision/src/index.ts";
import { results as classifyAnswer } from "../packages/vision/src/schemas.ts";
import { chromiumPath } from "./chromium.ts";

const SAMPLE = "a car";
const NETWORKS = [
  { name: "cifar_lenet.tessera", title: "LeNet, 1998" },
  { name: "cifar_resnet20.tessera", title: "ResNet-20, 2015" },
];
const TOP = 3;
const SYSTEMS = join(import.meta.dirname, "../packages/studio/src/app/systems");

/** The sample's file, and a smaller one to show. */
async function openSample(url: string): Promise<{ file: string; shown: string }> {
  const browser = await chromium.launch({ executablePath: chromiumPath() });
  try {
    const page = await browser.newPage();
    await page.goto(`${url}#/classify`);
    const image = page.locator(`[aria-label="Sample: ${SAMPLE}"] img[src]`);
    return await image.evaluate(async (element: HTMLImageElement) => {
      const read = (blob: Blob) =>
        new Promise<string>((resolve) => {
          const reader = new FileReader();
          reader.onload = () => resolve(String(reader.result));
          reader.readAsDataURL(blob);
        });
      await element.decode();
      const canvas = new OffscreenCanvas(240, 240);
      canvas.getContext("2d")!.drawImage(element, 0, 0, 240, 240);
      const shown = await canvas.convertToBlob({ type: "image/webp", quality: 0.85 });
      return { file: await read(await (await fetch(element.src)).blob()), shown: await read(shown) };
    });
  } finally {
    await browser.close();
  }
}

/** One network's classes with their bars. */
function column({ predictions }: Classification, title: string, top: number): string {
  const rows = predictions.map(({ label, probability }, i) => {
    const y = top + 23 + i * 20;
    const stones = `<rect x="152" y="${y + 4}" width="152" height="5" class="track" mask="url(#stones)"/><rect x="152" y="${y + 4}" width="${(152 * probability).toFixed(1)}" height="5" class="${i === 0 ? "bar" : "pale"}" mask="url(#stones)"/>`;
    const share = `${(probability * 100).toFixed(1)} %`;
    return `<text x="152" y="${y}">${label}</text><text x="304" y="${y}" class="end">${share}</text>${stones}`;
  });
  return `<text x="152" y="${top + 6}" class="title">${title}</text>${rows.join("\n")}`;
}

async function classifyCard(): Promise<string> {
  const studio = await startStudio({ port: 0 });
  try {
    const { file, shown } = await openSample(studio.url);
    const response = await fetch(`${studio.url}api/classify`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ image: file, models: NETWORKS.map(({ name }) => name), top: TOP }),
    });
    const { results } = classifyAnswer.parse(await response.json());
    const columns = results.map((result, i) => column(result, NETWORKS[i]!.title, 12 + i * 84));
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180">
<title>What two networks make of ${SAMPLE}</title>
<style>
  .paper { fill: #ecefea } .track { fill: #dde1db } .bar { fill: #1a6f5a } .pale { fill: #8fc1b0 }
  text { fill: #17211e; font: 9px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif }
  .title { fill: #4d5a55; font: 500 10.5px ui-serif, Palatino, Georgia, "Liberation Serif", serif }
  .end { fill: #4d5a55; text-anchor: end }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d100f } .track { fill: #2b3331 } .bar { fill: #5cc7a5 } .pale { fill: #35705e }
    text { fill: #e9eeeb } .title, .end { fill: #a9b5b0 }
  }
</style>
<clipPath id="round"><rect x="16" y="30" width="120" height="120" rx="6"/></clipPath>
<mask id="stones"><path stroke="#fff" stroke-width="180" stroke-dasharray="5 1" d="M152 90H304"/></mask>
<rect width="320" height="180" class="paper"/>
<image x="16" y="30" width="120" height="120" clip-path="url(#round)" href="${shown}"/>
${columns.join("\n")}
</svg>
`;
  } finally {
    await studio.close();
  }
}

/** A room with a shelf and a table, as wide as a card; the page has the same as a sample. */
const ROOM = 37;
const WIDE = { width: 640, height: 360 };

/** The picture at the left of a slider, its depth at the right. */
async function depthCard(): Promise<string> {
  const { image, depth } = renderPair(ROOM, { size: { width: 2 * WIDE.width, height: 2 * WIDE.height } });
  const disparity = new Planes(
    1,
    depth.height,
    depth.width,
    depth.data.map((metres) => 1 / metres),
  );
  const url = async (shown: Image) =>
    dataUrl(await encodeImage(resizePil(shown, WIDE, "lanczos"), "webp", { quality: 75 }), "image/webp");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180">
<title>A rendered room and its depth</title>
<clipPath id="right"><path d="M160 0h160v180H160z"/></clipPath>
<image width="320" height="180" href="${await url(image)}"/>
<image width="320" height="180" clip-path="url(#right)" href="${await url(colorize(disparity, { colormap: "spectralR" }))}"/>
<path d="M160 0v180" stroke="#fff" stroke-width="1.5"/>
<circle cx="160" cy="90" r="10" fill="#fff"/>
<path d="M157 86.5l-3.5 3.5 3.5 3.5M163 86.5l3.5 3.5-3.5 3.5" fill="none" stroke="#17211e" stroke-width="1.3"/>
</svg>
`;
}

const CARDS: Readonly<Record<string, { folder: string; draw: () => Promise<string> }>> = {
  classify: { folder: "image-classification", draw: classifyCard },
  depth: { folder: "depth-estimation", draw: depthCard },
};
const [, , only] = process.argv;
for (const [name, { folder, draw }] of Object.entries(CARDS))
  if (only === undefined || only === name) writeFileSync(join(SYSTEMS, folder, "card.svg"), await draw());
