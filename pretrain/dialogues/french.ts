// The facts of an invented French place: every value is drawn when a phrase first asks for it, then kept, so that a
// conversation does not contradict itself. French needs articles, genders and elisions; they are made here.

import type { Random } from "../../sdk/data/random.ts";
import data from "../phrases/fr.places.json" with { type: "json" };
import { capitalise, type Facts } from "./template.ts";

export const frenchPlaces = data.places;
type Place = (typeof frenchPlaces)[number];

const days = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const months = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(
  " ",
);
const numbers =
  "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze".split(" ");
const vowel = /^[aeiouyàâéèêëîïôûœh]/i;

export function frenchFacts(place: Place, random: Random): Facts {
  const known = new Map<string, string>();
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)];
  const between = (least: number, most: number) => least + random.int(most - least + 1);
  const number = (n: number) => (n < numbers.length && random.next() < 0.6 ? numbers[n] : String(n));
  const euros = (least: number, most: number, step: number) => {
    const cents = between(Math.ceil((least * 100) / step), Math.floor((most * 100) / step)) * step;
    const rest = cents % 100;
    return `${Math.floor(cents / 100)}${rest ? `,${String(rest).padStart(2, "0")}` : ""} ${random.next() < 0.8 ? "€" : "euros"}`;
  };
  const time = (least: number, most: number) => {
    const minute = pick([0, 0, 10, 15, 20, 30, 30, 40, 45, 50]);
    return `${between(least, most)} h${minute ? ` ${minute}` : ""}`;
  };
  const person = () => `${pick(data.firstNames)} ${pick(data.lastNames)}`;
  const date = () => `${between(2, 28)} ${pick(months)}`;
  // Two places of the calendar, the first before the second.
  const firstDay = between(0, 2);
  const lastDay = between(3, 6);
  const domain = () =>
    `${facts("name")
      .toLowerCase()
      .normalize("NFD")
      .replace(/[^a-z]+/g, "-")}.example`;
  const decimal = (least: number, most: number) =>
    `${between(least, most)}${random.next() < 0.5 ? `,${between(1, 9)}` : ""}`;

  const make: Record<string, () => string> = {
    name: () => pick(data.names),
    nom: () => facts("name"),
    nom_propre: () => facts("name"),
    le_nom: () => `${facts("le_lieu")} ${facts("name")}`,
    lieu: () => bare(place.noun),
    elieu: () => feminine(place.noun, "e"),
    nelieu: () => feminine(place.noun, "ne"),
    visiteurs: () => place.visitors,
    jour1: () => days[firstDay],
    jour2: () => days[lastDay],
    jour: () => pick(days),
    h1: () => time(7, 10),
    h2: () => time(17, 21),
    h3: () => time(12, 13),
    h4: () => time(13, 15),
    date,
    date2: date,
    mois: () => pick(months),
    annee: () => String(between(1895, 2019)),
    minutes: () => String(pick([2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50])),
    heures: () => String(pick([2, 4, 6, 8, 12, 18, 24, 36, 48, 72])),
    jours: () => number(between(2, 45)),
    joursO: () => `${between(1, 4)} à ${between(5, 9)}`,
    ans: () => `${number(between(2, 25))} ans`,
    n: () => String(between(8, 90)),
    nb: () => number(between(2, 9)),
    nb2: () => number(between(2, 9)),
    nb10: () => number(between(4, 30)),
    n12: () => number(between(8, 18)),
    n26: () => String(between(10, 28)),
    n100: () => String(between(4, 40) * 10),
    prix: () => euros(6, 60, 50),
    prix2: () => euros(20, 90, 50),
    petit: () => euros(1, 9, 10),
    gros: () => euros(80, 900, 1000),
    centimes: () => String(between(1, 9) * 5),
    pct: () => `${between(4, 60)} %`,
    tel: () =>
      `0${between(1, 5)} ${Array.from({ length: 4 }, () => String(between(0, 99)).padStart(2, "0")).join(" ")}`,
    site: () => `www.${domain()}`,
    mail: () =>
      `${pick([
        "contact",
        "bonjour",
        "accueil",
        "info",
        "equipe",
        facts("prenom")
          .toLowerCase()
          .normalize("NFD")
          .replace(/[^a-z]/g, ""),
      ])}@${domain()}`,
    adresse: () => `${between(1, 140)} ${random.next() < 0.8 ? "rue" : "avenue"} ${pick(data.streets)}`,
    rue: () => pick(data.streets),
    place: () => pick(data.squares),
    ville: () => pick(data.towns),
    repere: () => pick(data.landmarks),
    les_etages: () => pick(["les deux étages", "le premier étage", "tous les niveaux", "la grande salle"]),
    personne: person,
    prenom: () => pick(data.firstNames),
    metier: () => bare(facts("un_metier")),
    un_metier: () => pick(data.jobs),
    batisse: () => pick(data.buildings),
    poids: () => (random.next() < 0.3 ? `${between(12, 95) * 10} g` : `${decimal(1, 28)} kg`),
    poids2: () => `${decimal(29, 60)} kg`,
    kilos: () => String(between(20, 180)),
    mesures: () => `${between(20, 190)} cm sur ${between(15, 90)}`,
    cm: () => String(between(12, 60)),
    cm2: () => String(between(61, 190)),
    litres: () => decimal(1, 80),
    produit: () => pick(data.products),
    produit2: () => pick(data.products.filter((name) => name !== facts("produit"))),
    objets: () => plural(bare(facts("un_objet"))),
    mon_vieux: () => `${facts("un_objet").startsWith("une ") ? "ma vieille" : "mon vieux"} ${facts("objet")}`,
    un_commerce: () =>
      pick(["un café", "un gîte", "une crèche", "un restaurant", "une école", "un petit commerce"]),
    pointure: () => String(between(34, 46)),
    pointure2: () => String(between(47, 52)),
    objet: () => bare(facts("un_objet")),
    eo: () => feminine(facts("un_objet"), "e"),
    ilo: () => (facts("un_objet").startsWith("une ") ? "elle" : "il"),
    leo: () => (facts("un_objet").startsWith("une ") ? "la" : "le"),
    Ilo: () => capitalise(facts("ilo")),
    un_objet: () => pick(place.things),
    un_lieu: () => place.noun,
    un_prestation: () => pick(place.services),
    prestation: () => facts("un_prestation"),
    eprest: () => feminine(facts("un_prestation"), "e"),
    le_rayon: () => pick(place.shelves),
    le_rayon2: () =>
      pick(place.shelves.filter((shelf) => place.shelves.length < 2 || shelf !== facts("le_rayon"))),
    regle: () => pick(place.rules),
    affaire: () => pick(data.belongings),
    transporteur: () => pick(data.carriers),
    partenaire: () => pick(data.partners),
    programme: () => pick(data.programmes),
    rubrique: () => pick(data.headings),
    bouton: () => pick(data.buttons),
    code: () =>
      `${pick(data.products)
        .toUpperCase()
        .normalize("NFD")
        .replace(/[^A-Z]/g, "")}${between(5, 40)}`,
  };
  const lists = { couleur: data.colours, matiere: data.materials, pays: data.countries };

  function draw(slot: string): string {
    if (Object.hasOwn(make, slot)) return make[slot]();
    const [, stem, count] = /^([a-z]+)(\d?)$/.exec(slot) ?? [];
    if (stem in lists) {
      // couleur1, couleur2 … differ from each other
      const taken = [...known].filter(([key]) => key.startsWith(stem)).map(([, value]) => value);
      return pick(
        lists[stem as keyof typeof lists].filter((value) => count === undefined || !taken.includes(value)),
      );
    }
    const [, form, noun] = /^(le|la|du|au|ce|Le|La|Au|Un)_(\w+)$/.exec(slot) ?? [];
    if (!form) throw new Error(`unknown slot {${slot}}`);
    if (form === "Le" || form === "La" || form === "Au")
      return capitalise(facts(`${form.toLowerCase()}_${noun}`));
    return withArticle(form, noun === "nom" ? `${place.noun} ${facts("name")}` : facts(`un_${noun}`));
  }

  function facts(slot: string): string {
    const value = known.get(slot) ?? draw(slot);
    known.set(slot, value);
    return value;
  }
  return facts;
}

function bare(noun: string): string {
  return noun.replace(/^une? /, "");
}

function feminine(noun: string, suffix: string): string {
  return noun.startsWith("une ") ? suffix : "";
}

/** "un livre" with another determiner; "le", "la" and "l'" are one form, likewise "du" and "au". */
export function withArticle(form: string, noun: string): string {
  const name = bare(noun);
  const isFeminine = noun.startsWith("une ");
  const elided = vowel.test(name);
  const the = elided ? "l'" : isFeminine ? "la " : "le ";
  if (form === "le" || form === "la") return the + name;
  if (form === "du") return (!elided && !isFeminine ? "du " : `de ${the}`) + name;
  if (form === "au") return (!elided && !isFeminine ? "au " : `à ${the}`) + name;
  return (isFeminine ? "cette " : elided ? "cet " : "ce ") + name;
}

function plural(noun: string): string {
  const [head, ...rest] = noun.split(" ");
  const many = /[sxz]$/.test(head)
    ? head
    : /(?:eau|eu)$/.test(head)
      ? `${head}x`
      : /al$/.test(head)
        ? head.replace(/al$/, "aux")
        : `${head}s`;
  return [many, ...rest].join(" ");
}

/** Contractions and elisions that only show once the words stand next to each other. */
export function frenchPolish(text: string): string {
  return text
    .replace(/\b([dD])e les /g, "$1es ")
    .replace(/\bà les /g, "aux ")
    .replace(/\b([dD])e (?=[aeiouâéèêîôœAEIOUÉÈÊ](?!nze\b|ui\b))/g, "$1'")
    .replace(/\bd'(un|une) fois/g, "de $1 fois");
}

/** In a template, "de {le_…}" and "à {le_…}" contract before the noun is known. */
export function frenchContractions(template: string): string {
  return template.replace(/\b(d|D)e \{l[ea]_/g, "{du_").replace(/(^|\s)à \{l[ea]_/g, "$1{au_");
}
