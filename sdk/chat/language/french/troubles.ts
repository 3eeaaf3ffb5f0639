/**
 * French troubles that no list can name one by one, found by the shape of the sentence: "ne refroidit plus", "arrivé
 * fendu". The lists of a domain come first; this is for what they do not know. Words are folded.
 */
import type { LanguageWord } from "../language.ts";
import { list } from "../lists.ts";

/** Between "ne" and the verb. */
const CLITICS = new Set(list("se s me m te nous lui y en le la les"));
const NOT = new Set(list("pas plus pu jamais"));
const THINGS = new Set(list("il elle ils elles ca cela"));
/** Before "ne": what these do not do is no failure of a thing. */
const PEOPLE = new Set(list("je j tu nous vous on personne"));
/** The third person of verbs: "refroidit", "tient", "allume", "chargent", "decolle". */
const THIRD_PERSON = /^[a-z]{2,}(?:e|ent|it|issent|ut|urt|nt|d|rt|ct|ort)$/;
/** Verbs in which a denial is no trouble. */
const FAULTLESS = new Set(
  list(`coute existe veut peut doit faut sait voit connait comprend dit pense croit vend vaut livre livrent prend aime
    reste compte depasse presse concerne importe trouve trouvent sert servent coutent existent peuvent veulent doivent
    etaient etait avait avaient furent sont ont est fait font met mette contient contiennent comprennent manque manquent
    ouvre recoit demande repond`),
);

const CAME = new Set(
  list("arrive arrivee arrives arrivees recu recue recus recues livre livree livres livrees"),
);
const ADVERBS = new Set(list("tout toute tous toutes completement entierement deja un peu tres a moitie"));
/** Participles, and adjectives of damage. */
const STATE =
  /^\p{L}{2,}(?:é|és|ée|ées|u|us|ue|ues|di|die|dis|li|lie|ri|rie|ris|ries|eux|euse|ert|erte|ort|orte)$|^vides?$/u;
const NO_STATE = new Set(
  list(`prevu prevue prevus convenu attendu attendue demande demandee commande commandee promis annonce vendredi mardi lundi
    jeudi samedi mercredi ici aussi ainsi midi merci apres depuis partout dessous dessus lieu retour bleu bleue bleus bleues
    suis plus nous vous tous jours toujours rendu`),
);

/** The tokens [at, to) that name a trouble, or undefined. `isThing` says whether a token names goods. */
export function frenchTroubleAt(
  tokens: readonly LanguageWord[],
  at: number,
  isThing: (index: number) => boolean,
): number | undefined {
  return failureAt(tokens, at, isThing) ?? stateAt(tokens, at);
}

/** "ne refroidit plus", or "refroidit pas" right behind the thing: it does not do what it is for. */
function failureAt(
  tokens: readonly LanguageWord[],
  at: number,
  isThing: (index: number) => boolean,
): number | undefined {
  const denied = tokens[at].word === "ne";
  const before = tokens[at - 1]?.word;
  if (denied ? PEOPLE.has(before) : !isThing(at - 1) && !THINGS.has(before)) return undefined;
  let i = denied ? at + 1 : at;
  while (CLITICS.has(tokens[i]?.word)) i++;
  const { word, clause } = tokens[i] ?? tokens[at];
  const end = i + 1;
  if (tokens[end]?.clause !== clause || !NOT.has(tokens[end].word)) return undefined;
  if (!THIRD_PERSON.test(word) || FAULTLESS.has(word)) return undefined;
  // "il chauffe plus que l'autre" compares.
  if (!denied && /^plu?s?$/.test(tokens[end].word) && tokens[end + 1]?.clause === clause) return undefined;
  return end + 1;
}

/** The state in which a thing came: "fendu" in "arrivé fendu". */
function stateAt(tokens: readonly LanguageWord[], at: number): number | undefined {
  let lead = at - 1;
  while (ADVERBS.has(tokens[lead]?.word)) lead--;
  const { word, text, clause } = tokens[at];
  if (!CAME.has(tokens[lead]?.word) || tokens[lead].clause !== clause) return undefined;
  return STATE.test(text.toLowerCase()) && !NO_STATE.has(word) ? at + 1 : undefined;
}
