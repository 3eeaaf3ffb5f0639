// The facts of an invented English-speaking place, drawn when first asked for, then kept for the conversation.

import type { Random } from "../../sdk/data/random.ts";
import data from "../phrases/en.places.json" with { type: "json" };
import { capitalise, type Facts } from "./template.ts";

export const englishPlaces = data.places;
type Place = (typeof englishPlaces)[number];

const days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const months = "January February March April May June July August September October November December".split(
  " ",
);
const numbers = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");

export function englishFacts(place: Place, random: Random): Facts {
  const known = new Map<string, string>();
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)];
  const between = (least: number, most: number) => least + random.int(most - least + 1);
  const number = (n: number) => (n < numbers.length && random.next() < 0.6 ? numbers[n] : String(n));
  const money = (least: number, most: number) =>
    `${pick(["€", "€", "£", "$"])}${between(least, most)}${pick(["", "", ".50", ".20", ".95"])}`;
  const time = (least: number, most: number) =>
    `${between(least, most)}${pick(["", "", ":15", ":30", ":45"])}`;
  const the = (noun: string) => noun.replace(/^an? /, "the ");
  const firstDay = between(0, 2);
  const lastDay = between(3, 6);
  const domain = () =>
    `${facts("name")
      .toLowerCase()
      .replace(/[^a-z]+/g, "-")}.example`;

  const make: Record<string, () => string> = {
    name: () => pick(data.names),
    the_place: () => the(place.noun),
    day: () => pick(days),
    day1: () => days[firstDay],
    day2: () => days[lastDay],
    h1: () => `${time(7, 10)} am`,
    h2: () => `${time(4, 9)} pm`,
    date: () => `${between(2, 28)} ${pick(months)}`,
    month: () => pick(months),
    year: () => String(between(1895, 2019)),
    minutes: () => String(pick([3, 5, 8, 10, 15, 20, 25, 30, 40])),
    hours: () => String(pick([2, 4, 6, 12, 24, 36, 48, 72])),
    days: () => number(between(2, 45)),
    few: () => number(between(2, 12)),
    n: () => String(between(8, 90)),
    hundred: () => String(between(4, 40) * 10),
    price: () => money(6, 60),
    price2: () => money(20, 90),
    small: () => money(1, 9),
    big: () => `€${between(8, 90) * 10}`,
    pct: () => `${between(4, 60)}%`,
    phone: () => `0${between(10, 99)} ${between(100, 999)} ${between(1000, 9999)}`,
    mail: () => `${pick(["hello", "info", "contact", "desk"])}@${domain()}`,
    address: () => `${between(1, 140)} ${pick(data.streets)}`,
    town: () => pick(data.towns),
    landmark: () => pick(data.landmarks),
    person: () => `${pick(data.firstNames)} ${pick(data.lastNames)}`,
    first: () => pick(data.firstNames),
    weight: () => `${between(1, 40)}${pick(["", ".5", ".2", ".8"])} kg`,
    size: () => `${between(20, 190)} by ${between(15, 90)} cm`,
    cm: () => String(between(12, 60)),
    service: () => pick(place.services),
    Service: () => capitalise(facts("service")),
    a_thing: () => pick(place.things),
    thing: () => facts("a_thing").replace(/^an? /, ""),
    things: () =>
      facts("thing").replace(/^(\w+)( of .*)?$/, (_, head: string, rest = "") => plural(head) + rest),
    product: () => pick(data.products),
    belonging: () => pick(data.belongings),
    heading: () => pick(data.headings),
    button: () => pick(data.buttons),
    partner: () => pick(data.partners),
    programme: () => pick(data.programmes),
    carrier: () => pick(data.carriers),
    Material: () => capitalise(facts("material")),
  };
  const lists = { colour: data.colours, material: data.materials, country: data.countries };

  function draw(slot: string): string {
    if (Object.hasOwn(make, slot)) return make[slot]();
    const [, stem] = /^([a-z]+)\d?$/.exec(slot) ?? [];
    if (stem in lists) {
      const taken = [...known].filter(([key]) => key.startsWith(stem)).map(([, value]) => value);
      return pick(lists[stem as keyof typeof lists].filter((value) => !taken.includes(value)));
    }
    if (slot === "The_place") return capitalise(facts("the_place"));
    throw new Error(`unknown slot {${slot}}`);
  }

  function facts(slot: string): string {
    const value = known.get(slot) ?? draw(slot);
    known.set(slot, value);
    return value;
  }
  return facts;
}

function plural(noun: string): string {
  if (/(?:s|x|sh|ch)$/.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/.test(noun)) return noun.replace(/y$/, "ies");
  if (/(?:[^f]fe|lf)$/.test(noun)) return noun.replace(/fe?$/, "ves");
  return `${noun}s`;
}
