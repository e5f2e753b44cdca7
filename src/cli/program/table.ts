// The types that the parts of the table of commands share.

/** Flags and description of `--config`, the same for every command. */
export type ConfigOption = readonly [flags: string, description: string];

/** Gets the exit code of the command that ran. */
export type Done = (code: number) => void;
