/**
 * Promptable segmentation on images and videos.
 *
 * @packageDocumentation
 */

export {};
