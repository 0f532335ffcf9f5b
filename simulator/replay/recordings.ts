/**
 * Recorded flights: subtitles of DJI drones (SRT) and MAVLink telemetry logs (tlog), from a file or, by name, from the
 * samples of the npm packages that read them (development dependencies; loaded only when a recording is asked for).
 */
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { MavLinkPacket } from 'node-mavlink';
import type { Position } from '../../shared/contracts/common.ts';
import { distance, toLocal } from '../../shared/geo/distance.ts';
import { endOf, type MovedTrack, moveTrack, type Track, type TrackPoint } from './track.ts';

interface Fix {
  readonly at: number;
  readonly position: Position;
}

/** Satellite receivers round and repeat: faster than this between two fixes is an error of the recording, m/s. */
const MAX_SPEED = 60;

/**
 * Reads a recording; `name` is a path or one of the samples (`p4_rtk.SRT`, `mavic_pro.SRT`, `vtol.tlog`).
 * @throws Error in words when there is no such file, or no flight in it
 */
export async function readRecording(name: string): Promise<Track> {
  const file = locate(name);
  const fixes = file.toLowerCase().endsWith('.tlog') ? await readTlog(file) : await readSrt(file);
  const sorted = fixes.toSorted((a, b) => a.at - b.at);
  const first = sorted[0];
  if (!first) throw new Error(`${name}: no positions in this recording`);
  const points: TrackPoint[] = [];
  let before: Fix | undefined;
  for (const fix of sorted) {
    const span = before ? fix.at - before.at : 1;
    if (span <= 0 || (before && distance(before.position, fix.position) / span > MAX_SPEED)) continue;
    points.push({ at: fix.at - first.at, ...toLocal(first.position, fix.position) });
    before = fix;
  }
  if (points.length < 2) throw new Error(`${name}: a single position is no flight`);
  return { name: basename(file), points };
}

/**
 * The recording as the simulator flies it from a pickup: `dropoff` is what a delivery has to ask for so that its dropoff
 * leg is flown along it.
 */
export async function replayRoute(
  name: string,
  pickup: Position,
): Promise<{ readonly dropoff: Position; readonly track: MovedTrack }> {
  const track = moveTrack(await readRecording(name), pickup);
  return { dropoff: endOf(track), track };
}

function locate(name: string): string {
  if (existsSync(name)) return name;
  const require = createRequire(import.meta.url);
  for (const folder of ['dji_srt_parser/samples', 'node-mavlink/examples']) {
    const [main = ''] = folder.split('/');
    try {
      const root = require.resolve(`${main}/package.json`).replace(/package\.json$/, '');
      const file = `${root}${folder.slice(main.length + 1)}/${name}`;
      if (existsSync(file)) return file;
    } catch {
      continue;
    }
  }
  throw new Error(`${name}: neither a file nor a sample recording of dji_srt_parser or node-mavlink`);
}

interface SrtPacket {
  readonly TIMECODE?: string;
  readonly GPS?: { readonly LATITUDE?: number; readonly LONGITUDE?: number };
  readonly ALTITUDE?: number;
  readonly BAROMETER?: number;
}

type SrtParser = (
  text: string,
  name: string,
) => { setSmoothing: (points: number) => void; metadata: () => { readonly packets: readonly SrtPacket[] } };

async function readSrt(file: string): Promise<Fix[]> {
  const require = createRequire(import.meta.url);
  const parse = require('dji_srt_parser') as SrtParser;
  const recording = parse(await readFile(file, 'utf8'), basename(file));
  recording.setSmoothing(0);
  return recording.metadata().packets.flatMap((packet) => {
    const [latitude, longitude] = [packet.GPS?.LATITUDE, packet.GPS?.LONGITUDE];
    const at = secondsOf(packet.TIMECODE);
    if (at === undefined || !Number.isFinite(latitude) || !Number.isFinite(longitude)) return [];
    const altitude = packet.BAROMETER ?? packet.ALTITUDE ?? 0;
    return [{ at, position: { latitude: latitude as number, longitude: longitude as number, altitude } }];
  });
}

/** `HH:MM:SS,mmm` in seconds. */
function secondsOf(timecode: string | undefined): number | undefined {
  const parts = /^(\d+):(\d+):(\d+)[,.](\d+)$/.exec(timecode ?? '');
  if (!parts) return undefined;
  const [hours, minutes, seconds, millis] = parts.slice(1).map(Number) as [number, number, number, number];
  return hours * 3600 + minutes * 60 + seconds + millis / 1000;
}

/** MAVLink GLOBAL_POSITION_INT (#33), https://mavlink.io/en/messages/common.html#GLOBAL_POSITION_INT: degE7, mm, ms since boot. */
async function readTlog(file: string): Promise<Fix[]> {
  const { common, MavLinkPacketParser, MavLinkTLogPacketSplitter } = await import('node-mavlink');
  const packets = createReadStream(file)
    .pipe(new MavLinkTLogPacketSplitter())
    .pipe(new MavLinkPacketParser()) as AsyncIterable<MavLinkPacket>;
  const fixes: Fix[] = [];
  for await (const packet of packets) {
    if (packet.header.msgid !== common.GlobalPositionInt.MSG_ID) continue;
    const message = packet.protocol.data(packet.payload, common.GlobalPositionInt);
    fixes.push({
      at: message.timeBootMs / 1000,
      position: { latitude: message.lat / 1e7, longitude: message.lon / 1e7, altitude: message.alt / 1000 },
    });
  }
  return fixes;
}
