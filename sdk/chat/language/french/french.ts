/** French as the reasoning sees it. Every word is written folded: lower case, without accents. */
import { defineLanguage } from "../defineLanguage.ts";
import { list, phrases } from "../lists.ts";
import { frenchContext } from "./context.ts";
import { frenchNumbers } from "./numbers.ts";
import { frenchReplies } from "./replies.ts";
import { frenchRude } from "./rude.ts";
import { frenchSpelling } from "./spelling.ts";
import { frenchTexts } from "./texts.ts";
import { frenchThings } from "./things.ts";
import { frenchTimes } from "./times.ts";

const DENIES = new Set(list("pas jamais aucun aucune rien ni nul nulle guere"));

export const french = defineLanguage({
  code: "fr",
  baseDomain: "ecommerce.fr",
  no: "non",
  ...frenchSpelling,
  ...frenchContext,
  ...frenchTimes,
  ...frenchNumbers,
  ...frenchThings,
  negations: new Set(list("ne pas plus jamais rien aucun aucune sans ni non guere")),
  // "plus" alone is "more".
  isNegated: (tokens) =>
    tokens.some(
      ({ word }, i) =>
        DENIES.has(word) ||
        (word === "plus" && tokens.slice(Math.max(0, i - 4), i).some((before) => before.word === "ne")),
    ),
  positive:
    phrases(`content|satisfait|ravi|ravie|merci|super|genial|parfait|excellent|top|bravo|j adore|formidable|
    impeccable|heureux|heureuse|aime beaucoup|agreable|rapide et efficace|chouette|nickel`),
  negative:
    phrases(`mecontent|insatisfait|decu|deception|furieux|furieuse|en colere|enerve|inadmissible|inacceptable|
    scandaleux|honteux|honte|arnaque|nul|nulle|catastrophe|catastrophique|marre|ras le bol|agace|casse|
    abime|defectueux|panne|retard|perdu|egare|impossible|probleme|erreur|mauvais|mauvaise|plainte|
    reclamation|injuste|pire|horrible|lamentable|dommage|inquiet|inquiete|rien recu|toujours pas|
    desagreable|voleurs`),
  fillers: phrases(`bonjour|bonsoir|salut|coucou|bien sur|excellente question|tres bonne question|
    merci pour votre question|merci de votre question|merci pour votre message|avec plaisir|n hesitez pas`),
  refusals:
    phrases(`je ne sais pas|je ne dispose pas|je ne connais pas|je n ai pas|nous n avons pas|nous ne|precisez|
    pouvez vous preciser|contactez|ecrivez nous|appelez|malheureusement|desole|desolee`),
  questions: new Map([
    ["combien", "quantity"],
    ["quand", "time"],
    ["ou", "place"],
    ["comment", "manner"],
    ["pourquoi", "reason"],
    ["qui", "person"],
    ["quel", "thing"],
    ["quelle", "thing"],
    ["quels", "thing"],
    ["quelles", "thing"],
    ["est ce que", "yesno"],
  ]),
  asksOnlyFirst: new Set(["ou"]),
  synonyms: [
    list("magasin boutique"),
    list("colis paquet"),
    list("mail courriel email mel"),
    list("livreur transporteur"),
    list("remise reduction rabais ristourne"),
    list("coute prix tarif vaut"),
    list("pese poids lourd"),
    list("texto sms"),
    list("retirer retrait"),
    list("payer paiement reglement regler"),
    list("accepter accepte bienvenus bienvenu autorises"),
    list("assembler monter montage monteur"),
    list("garantie garanti"),
  ],
  vocatives: new Set(
    list(`toi vous madame monsieur mademoiselle messieurs mesdames la le les l cher chere chers cheres conseiller conseillere
      conseillers ami amie amis service client equipe team chef docteur maitre gens monde tout tous toutes petit petite
      robot bot assistant assistante compagnie boutique mon ma mes notre votre jeune dames poto potes frere collegue collegues`),
  ),
  replies: frenchReplies,
  rude: frenchRude,
  texts: frenchTexts,
});
