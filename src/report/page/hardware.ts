/**
 * @file A host's hardware in a few words, from the fingerprint that results have.
 */

/** `4x NVIDIA H200`, or the CPU. */
export function hardwareInWords(
  device: Readonly<Record<string, string>>,
  host: { readonly cpu: string; readonly cores: number },
): string {
  return device.gpus === undefined ? `${host.cpu}, ${host.cores} cores` : `${device.gpus}x ${device.name}`;
}
