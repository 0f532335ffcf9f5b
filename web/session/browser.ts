/** The browser, as far as a session needs it. */
export interface Browser {
  readonly address: () => URL;
  /** `silent`: the way back does not lead there. */
  readonly go: (url: string, silent: boolean) => void;
  /** Of this tab. */
  readonly tab: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Of all tabs of this origin. */
  readonly shared: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  readonly now: () => number;
}
