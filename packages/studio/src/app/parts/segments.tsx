/** A row of choices, one of them selected. */

interface SegmentsProps<T> {
  readonly label: string;
  readonly choices: readonly {
    readonly value: T;
    readonly title: string;
    readonly hint?: string;
    readonly disabled?: boolean;
  }[];
  readonly value: T | undefined;
  readonly choose: (value: T) => void;
}

export function Segments<T>({ label, choices, value, choose }: SegmentsProps<T>) {
  return (
    <fieldset class="segments" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.title}
          type="button"
          title={choice.hint}
          disabled={choice.disabled}
          aria-pressed={choice.value === value}
          onClick={() => choose(choice.value)}
        >
          {choice.title}
        </button>
      ))}
    </fieldset>
  );
}
