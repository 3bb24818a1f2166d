interface ProgressBarProps {
  readonly label: string;
  /** 0 to 1. */
  readonly share: number;
}

export function ProgressBar({ label, share }: ProgressBarProps) {
  return (
    <div
      class="stones wide"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <span style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}
