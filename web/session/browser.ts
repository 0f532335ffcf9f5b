/** The parts of the browser that a session needs. */
export interface Browser {
  readonly address: () => URL;
  /** @param silent the back button does not lead there */
  readonly go: (url: string, silent: boolean) => void;
  /** Of this tab. */
  readonly tab: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Of all tabs of this origin. */
  readonly shared: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  readonly now: () => number;
}
