/** A mono 16-bit WAV file: the mean of the channels, samples from -1 to 1. */
export function encodeWav(channels: readonly Float32Array[], sampleRate: number): ArrayBuffer {
  const length = channels[0]?.length ?? 0;
  const file = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at: number, letters: string) => {
    for (const [i, letter] of [...letters].entries()) file.setUint8(at + i, letter.charCodeAt(0));
  };
  text(0, "RIFF");
  file.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true); // PCM
  file.setUint16(22, 1, true); // channels
  file.setUint32(24, sampleRate, true);
  file.setUint32(28, 2 * sampleRate, true); // bytes per second
  file.setUint16(32, 2, true); // bytes per frame
  file.setUint16(34, 16, true); // bits per sample
  text(36, "data");
  file.setUint32(40, 2 * length, true);
  for (let i = 0; i < length; i++) {
    const mean = channels.reduce((sum, channel) => sum + channel[i]!, 0) / channels.length;
    file.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, mean)) * 32767), true);
  }
  return file.buffer;
}
