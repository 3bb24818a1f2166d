/** Icons, drawn on a grid of 20. */

function icon(path: string) {
  return () => (
    <svg
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

export const FileIcon = icon(
  "M3 6.5A1.5 1.5 0 0 1 4.5 5h11A1.5 1.5 0 0 1 17 6.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 13.5zM3.5 13l4-3.5 3 2.5 3-3 3.5 3.5",
);
export const CameraIcon = icon(
  "M3 7.5A1.5 1.5 0 0 1 4.5 6H6l1.2-1.8h5.6L14 6h1.5A1.5 1.5 0 0 1 17 7.5v6a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 13.5zM12.6 10.3a2.6 2.6 0 1 1-5.2 0 2.6 2.6 0 1 1 5.2 0",
);
export const MicrophoneIcon = icon(
  "M10 3a2.2 2.2 0 0 1 2.2 2.2v4.6a2.2 2.2 0 1 1 -4.4 0V5.2A2.2 2.2 0 0 1 10 3zM5 9.5a5 5 0 0 0 10 0M10 14.5V17M7 17h6",
);
export const PenIcon = icon("M4 16l1-4 8.5-8.5a1.4 1.4 0 0 1 2 0l1 1a1.4 1.4 0 0 1 0 2L8 15zM12 5l3 3");
export const EraserIcon = icon(
  "M8 16h9M4.6 12.4l6.8-6.8a1.6 1.6 0 0 1 2.2 0l2.3 2.3a1.6 1.6 0 0 1 0 2.2L10 16H7zM7.5 9.5l4.8 4.8",
);
export const UndoIcon = icon("M7 4L3.5 7.5 7 11M4 7.5h7.5a4.5 4.5 0 0 1 0 9H7");
export const BinIcon = icon("M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10");
export const CloseIcon = icon("M5 5l10 10M15 5L5 15");
export const StopIcon = icon("M6 6h8v8H6z");
export const PlayIcon = icon("M7 5l8 5-8 5z");
export const CubeIcon = icon(
  "M10 2.8l6.2 3.6v7.2L10 17.2l-6.2-3.6V6.4zM10 10l6.2-3.6M10 10v7.2M10 10L3.8 6.4",
);
