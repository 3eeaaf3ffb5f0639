/** Numbers, money and numbers of orders in French. Every word is folded. */
import { list } from "../lists.ts";
import type { NumberWords } from "../numberWords.ts";

const UNITS = list(
  "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
);

export const frenchNumbers = {
  numbers: new Map<string, number>([
    ...UNITS.map((word, value): [string, number] => [word, value]).filter(([word]) => word !== "un"),
    ...Object.entries({
      vingt: 20,
      trente: 30,
      quarante: 40,
      cinquante: 50,
      soixante: 60,
      cent: 100,
      mille: 1000,
    }),
  ]),
  numberAnd: { and: "et", one: "un" },
  multiplies: (total, value) => (value === 20 && total === 4) || value >= 100,
  currencies: new Map([
    ["€", "EUR"],
    ["euros", "EUR"],
    ["eur", "EUR"],
    ["balles", "EUR"],
    ["balle", "EUR"],
    ["boules", "EUR"],
    ["e", "EUR"],
    ["euro", "EUR"],
    ["$", "USD"],
    ["dollars", "USD"],
    ["£", "GBP"],
  ]),
  units: new Map([
    ["eur", "€"],
    ["euro", "€"],
    ["h", "heur"],
    ["kilo", "kg"],
    ["l", "litr"],
    ["j", "jour"],
    ["min", "minut"],
    ["moi", "month"],
    ["mois", "month"],
    ...list("an ans ann anne").map((stem): [string, string] => [stem, "year"]),
  ]),
  measures: new Set(list("jour semain heur minut € % kg cm m litr fois point")),
  // Customers use the English words too.
  orderLead:
    /(?:commandes?|cmd|cde|command|order|n°|nº|n o|no|num|numero|number|ref|reference|dossier|ticket|facture|invoice|suivi|tracking|colis?|paquet|parcel|case|retour|livraison)\s*(?:(?:n°|nº|no|num|numero|de|du|le|la|est|c est|number|is|svp|suivi|colis|commande|ma|mon|client)\s*){0,3}[\s:#°.,(]*$/,
  gluedUnits: list("e eme er fois j jours jour to ans an p pouces"),
  quantityBehind: /^\s?(?:euros?|eur\b|balles|points?\b)/i,
  countBehind: /^\s?(?:euros|fois|jours)/i,
  phone: /\b0\d(?:[ .-]?\d\d){4}\b/g,
} satisfies Partial<NumberWords>;
