/** Why a camera or microphone cannot be used, in words for the user. */
export function deviceFailure(error: unknown, device: "camera" | "microphone"): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError")
    return `The ${device} is blocked. Allow it in the address bar, or choose a file.`;
  if (name === "NotFoundError") return `This device has no ${device}. Choose a file instead.`;
  return error instanceof Error ? error.message : String(error);
}

/** @throws DOMException `NotAllowedError`, `NotFoundError`, … */
export async function openDevice(wanted: MediaStreamConstraints): Promise<MediaStream> {
  if (!navigator.mediaDevices)
    throw new Error("Browsers allow camera and microphone only over https or on localhost.");
  return navigator.mediaDevices.getUserMedia(wanted);
}

/** Turns the device's light off. */
export function closeDevice(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
