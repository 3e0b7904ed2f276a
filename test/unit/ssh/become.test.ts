import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { BecomeDialogue } from '../../../src/ssh/become.ts';
import { quoteArgv } from '../../../src/ssh/quote.ts';

const PROMPT = '[ensign n0nce asks]';
const MARK = '[ensign n0nce runs]';
const NO_SUDO = '[ensign n0nce no sudo]';
const BEGINS = '[ensign n0nce begins]';
const NOTHING = { write: '', end: false };

function dialogue(password?: string): BecomeDialogue {
  return new BecomeDialogue({ host: 'web', user: 'dana', argv: ['id'], stdin: 'script\n', nonce: 'n0nce', password: password === undefined ? undefined : new Secret(password) });
}

function result(stderr: string, code: number | undefined = 1): Parameters<BecomeDialogue['finish']>[0] {
  return { code, signal: undefined, stdout: '', stderr: `${BEGINS}${stderr}` };
}

function codeOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

describe('BecomeDialogue', () => {
  it('is told to the host in words that every login shell reads, with no password among them', () => {
    const { argv } = dialogue('s3cret');
    expect(argv.join('\n')).not.toContain('s3cret');
    expect(argv.slice(0, 2)).toEqual(['sh', '-c']);
    expect(argv[2]).not.toMatch(/[\n!\\']/);
    expect(argv[2]).toBe(
      'm=$1; p=$2; n=$3; r=$4; f=$5; printf %s "$6" >&2; shift 6; if [ "$(id -u)" = 0 ]; then exec sh -c "$r" sh "$m" "$@"; fi; ' +
        'command -v sudo >/dev/null 2>&1 || { printf %s "$n" >&2; exit 127; }; exec sudo "$f" -p "$p" -- env LC_ALL=C sh -c "$r" sh "$m" "$@"',
    );
    expect(argv.slice(3)).toEqual(['sh', MARK, PROMPT, NO_SUDO, 'printf %s "$1" >&2; shift; exec "$@"', '-S', BEGINS, 'id']);
    // no word has anything that is quoted in more than one piece
    expect(quoteArgv(argv)).not.toContain('\\');
  });

  it('without a password tells sudo not to ask, and gives all of stdin at once', () => {
    const d = dialogue();
    expect(d.argv).toContain('-n');
    expect(d.open()).toEqual({ write: 'script\n', end: true });
    expect(d.hear('anything')).toEqual(NOTHING);
  });

  it('sends the password when asked and the stdin when the command runs', () => {
    const d = dialogue('s3cret');
    expect(d.open()).toEqual(NOTHING);
    expect(d.hear('We trust you have received the usual lecture\n')).toEqual(NOTHING);
    expect(d.hear(PROMPT)).toEqual({ write: 's3cret\n', end: false });
    expect(d.settled).toBe(false);
    expect(d.hear('\n')).toEqual(NOTHING);
    expect(d.hear(MARK)).toEqual({ write: 'script\n', end: true });
    expect(d.settled).toBe(true);
    expect(d.hear(`${PROMPT}${MARK}`)).toEqual(NOTHING);
    expect(d.finish(result(`lecture\n${PROMPT}\n${MARK}own words\n${MARK}`, 3))).toEqual({ ...result('', 3), stderr: `own words\n${MARK}` });
  });

  it('sends no password where sudo does not ask', () => {
    const d = dialogue('s3cret');
    d.open();
    expect(d.hear(MARK)).toEqual({ write: 'script\n', end: true });
  });

  it('understands what comes in single characters, and all at once', () => {
    const d = dialogue('s3cret');
    const sent = Array.from(`x${PROMPT}`, (c) => d.hear(c).write).join('');
    expect(sent).toBe('s3cret\n');
    expect(Array.from(MARK, (c) => d.hear(c).write).join('')).toBe('script\n');
  });

  it('sends the password once: asked again, it gives up', () => {
    const d = dialogue('s3cret');
    d.hear(PROMPT);
    expect(d.hear('Sorry, try again.\n')).toEqual(NOTHING);
    expect(d.hear(PROMPT)).toEqual({ write: '', end: true });
    expect(codeOf(() => d.finish(result(`${PROMPT}Sorry\n${PROMPT}`)))).toBe('ssh/sudo-password-wrong');
  });

  it.each([
    ['it is not there', undefined, NO_SUDO, 'ssh/sudo-denied'],
    ['it is not there, password or not', 's3cret', NO_SUDO, 'ssh/sudo-denied'],
    ['it wants a password', undefined, 'sudo: a password is required\n', 'ssh/sudo-password-needed'],
    ['the user is none of its own', 's3cret', `${PROMPT}dana is not in the sudoers file.\n`, 'ssh/sudo-denied'],
    ['it says nothing and succeeds', 's3cret', '', 'ssh/sudo-denied'],
  ])('names why: %s', (_name, password, stderr, code) => {
    const d = dialogue(password);
    d.open();
    d.hear(stderr);
    expect(codeOf(() => d.finish(result(stderr, stderr === '' ? 0 : 1)))).toBe(code);
  });

  it.each([undefined, 's3cret'])('tells a login that does something else from a sudo that refuses', (password) => {
    const d = dialogue(password);
    d.open();
    const other = { code: 1, signal: undefined, stdout: 'This account is currently not available.\n', stderr: '' };
    expect(() => d.finish(other)).toThrow(expect.objectContaining({ code: 'ssh/no-commands', message: 'web: the login of dana does not run commands: This account is currently not available.' }) as Error);
  });

  it('repeats sudo’s last words, made safe, and never the password', () => {
    const d = dialogue('s3cret');
    d.hear(PROMPT);
    let message = '';
    try {
      d.finish(result(`${PROMPT}you said s3cret\x1b[31m\n\n`));
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toBe('web: sudo does not let dana be root: you said [secret]\\u{1b}[31m');
  });

  it('does not listen forever', () => {
    const d = dialogue('s3cret');
    expect(d.hear('x'.repeat(70_000))).toEqual({ write: '', end: true });
    expect(codeOf(() => d.finish(result('x')))).toBe('ssh/sudo-denied');
  });

  it('refuses a password that would be two lines', () => {
    expect(codeOf(() => dialogue('a\nb'))).toBe('ssh/sudo-password-wrong');
  });

  describe('with doas', () => {
    const doas = (password?: string): BecomeDialogue =>
      new BecomeDialogue({ host: 'web', user: 'ops', method: 'doas', argv: ['id'], stdin: 'script\n', nonce: 'n0nce', password: password === undefined ? undefined : new Secret(password) });

    it('never asks, whatever password there is: doas reads it from a terminal only', () => {
      for (const d of [doas(), doas('s3cret')]) {
        expect(d.argv[2]).toBe(
          'm=$1; n=$2; r=$3; printf %s "$4" >&2; shift 4; if [ "$(id -u)" = 0 ]; then exec sh -c "$r" sh "$m" "$@"; fi; ' +
            'command -v doas >/dev/null 2>&1 || { printf %s "$n" >&2; exit 127; }; exec doas -n -- env LC_ALL=C sh -c "$r" sh "$m" "$@"',
        );
        expect(d.argv.slice(3)).toEqual(['sh', MARK, '[ensign n0nce no doas]', 'printf %s "$1" >&2; shift; exec "$@"', BEGINS, 'id']);
        expect(d.unasked).toBe(true);
        expect(d.open()).toEqual({ write: 'script\n', end: true });
        expect(d.hear(PROMPT)).toEqual(NOTHING);
      }
    });

    it('gives the command its own words', () => {
      expect(doas().finish(result(`doas: words\n${MARK}own`, 3))).toEqual({ ...result('', 3), stderr: 'own' });
    });

    it.each([
      ['it is not there', '[ensign n0nce no doas]', 'ssh/doas-denied', 'install doas'],
      ['it wants a password', 'doas: Authorization required\n', 'ssh/doas-password-needed', 'permit nopass ops as root'],
      ['it says no', 'doas: Operation not permitted\n', 'ssh/doas-password-needed', 'permit nopass ops as root'],
    ])('names why: %s', (_what, stderr, code, hint) => {
      expect(() => doas('s3cret').finish(result(stderr))).toThrow(expect.objectContaining({ code, hint: expect.stringContaining(hint) as string }) as Error);
    });
  });
});
