/** Figures and names as the page shows them. */

/** 9,760 · 61.7 k · 25.6 M · 4.1 G: three digits are enough. */
export function count(value: number): string {
  if (value < 1e4) return value.toLocaleString("en");
  const [size, unit] = value < 1e6 ? [1e3, "k"] : value < 1e9 ? [1e6, "M"] : [1e9, "G"];
  const scaled = value / size;
  return `${scaled.toFixed(scaled < 100 ? 1 : 0)} ${unit}`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value >= 99.95 && value < 100) return "> 99.9 %";
  if (value < 0.1) return "< 0.1 %";
  return `${value.toFixed(1)} %`;
}

/** The title without the data set, for lists of networks of one data set. */
export function shortTitle(title: string): string {
  return title.replace(/ for CIFAR$| \(TensorFlow\)$/, "");
}

/** The year a network was published, unless it was trained here. */
export function origin({ place, year }: { readonly place: string; readonly year: number }): string {
  return place === "trained" ? "trained here" : String(year);
}

const DATA: Readonly<Record<string, string>> = {
  mnist: "MNIST digits",
  usps: "USPS digits",
  "drawn-digits": "Drawn digits",
  "cifar10-jpeg": "CIFAR-10",
  cifar10: "CIFAR-10, published",
  "imagenet-1k": "ImageNet, published",
};

/** A data set's title; “published” accuracies are those of others. */
export function dataTitle(name: string): string {
  return DATA[name] ?? name;
}

/** The first name of a class: ImageNet lists several, with commas. */
export function firstName(label: string): string {
  return label.split(",")[0]!;
}

export function milliseconds(value: number): string {
  if (value < 1) return "< 1 ms";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** 00:42, 12:05 or 1:02:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

export function bytes(value: number): string {
  return value < 1e6 ? `${Math.round(value / 1e3)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** Without the batch: [1, 64, 56, 56] is 64 × 56 × 56. */
export function shape(sides: readonly number[]): string {
  return sides.slice(sides.length > 1 ? 1 : 0).join(" × ");
}

/** A task's command as a title: classify is Classify. */
export function commandTitle(command: string): string {
  return command.charAt(0).toUpperCase() + command.slice(1).replaceAll("-", " ");
}
