/** French as the reasoning sees it. Every word is written folded: lower case, without accents. */
import type { Language } from "./language.ts";
import { list, phrases, table } from "./lists.ts";

const VERB_ENDINGS = list(
  `issements issement issons issez issent issais issait eraient erions erait erais erons eront erez eras erai
   era ements ement aient antes ants ante ant ees ee es er ez ais ait ent ons e`,
).sort((a, b) => b.length - a.length);

/** A light stem: enough for plurals, genders and the conjugations of regular verbs. */
function stem(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  if (word.endsWith("aux") && word.length > 4) return `${word.slice(0, -3)}al`;
  for (const ending of VERB_ENDINGS) {
    // Three letters must be left, four where the ending is long, so that "client" stays whole.
    const least = ending.length >= 3 ? 4 : 3;
    if (word.endsWith(ending) && word.length - ending.length >= least)
      return word.slice(0, word.length - ending.length);
  }
  return word.length > 4 && /[sx]$/.test(word) ? word.slice(0, -1) : word;
}

const UNITS = list(
  "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
);

export const french: Language = {
  code: "fr",
  stem,
  elisions: new Set(list("l d j n s m t c qu jusqu lorsqu puisqu quoiqu")),
  abbreviations: table(`bjr bonjour|bsr bonsoir|slt salut|cc coucou|stp s il te plait|svp s il vous plait|
    sil s il|mdp mot de passe|cmd commande|cde commande|pb probleme|pbm probleme|pblm probleme|pr pour|ds dans|
    ac avec|avc avec|qd quand|kan quand|pk pourquoi|pkoi pourquoi|pq pourquoi|koi quoi|ke que|ki qui|
    tel telephone|num numero|n° numero|bcp beaucoup|tjs toujours|tjrs toujours|rdv rendez vous|mag magasin|
    dispo disponible|promo promotion|reduc reduction|remb remboursement|mel mail|
    vs vous|ns nous|jai ai|jaimerai aimerais|jaimerais aimerais|cest est|ya y a|g ai|chui suis|
    jsuis suis|javais avais|dsl desole|mci merci|mrc merci|ajd aujourd hui|auj aujourd hui|dmn demain|
    wkend week end|we week end|jms jamais|qq quelque|qqun quelqu un|qqch quelque chose|
    aurevoir au revoir|comen comment|cmt comment|cb combien|combi combien|tt tout|ts tous|dc donc|
    tps temps|lgtps longtemps|pts points|sav service apres vente|cgv conditions generales vente|ptetre peut etre|
    vrmt vraiment|kelk quelque|kel quel|kelle quelle|sui suis|resu recu|pa pas`),
  stopWords: new Set(
    list(`le la les un une des du de au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos
      leur leurs je tu il elle on nous vous ils elles me te se moi toi lui eux en y que qui quoi dont ou et mais
      donc or ni car si ne pas plus moins est es sont suis sommes etes etre ete etait ai as a avons avez ont avoir
      eu aurait aurais fait faire faites peux peut pouvez pouvoir puis pourrais pourriez voudrais veux aimerais
      souhaite faut dans sur sous avec sans pour par chez vers entre comme tres bien aussi alors meme tout toute
      tous toutes ca cela ceci c quel quelle quels quelles quand comment combien pourquoi s il plait dit ici la`),
  ),
  negations: new Set(list("ne pas plus jamais rien aucun aucune sans ni non guere")),
  positive:
    phrases(`content|satisfait|ravi|ravie|merci|super|genial|parfait|excellent|top|bravo|j adore|formidable|
    impeccable|heureux|heureuse|aime beaucoup|agreable|rapide et efficace|chouette|nickel`),
  negative:
    phrases(`mecontent|insatisfait|decu|deception|furieux|furieuse|en colere|enerve|inadmissible|inacceptable|
    scandaleux|honteux|honte|arnaque|nul|nulle|catastrophe|catastrophique|marre|ras le bol|agace|casse|abime|
    defectueux|panne|retard|perdu|egare|impossible|probleme|erreur|mauvais|mauvaise|plainte|reclamation|
    injuste|pire|horrible|lamentable|dommage|inquiet|inquiete|rien recu|toujours pas|desagreable|voleurs`),
  recalls:
    phrases(`comme je disais|comme je vous disais|comme dit plus haut|vous avez dit|vous disiez|tu as dit|
    vous m avez dit|tout a l heure|ma question precedente|question d avant|reponse precedente|votre reponse|
    on parlait|dont on a parle|dont vous parlez|que vous avez cite|ci dessus|plus haut|repetez|reformulez|
    pas compris|pas clair|le premier|la premiere|le second|la deuxieme|le deuxieme|le dernier|la derniere|
    les deux|dans ce cas|du coup|le meme|la meme|les memes|l autre|celui que|celle que|precisez|developpez|
    vous etes sur|c est sur|pourquoi ca|et apres|mais encore`),
  continuations:
    phrases(`et pour|et si|et en|et le|et la|et les|et avec|et sans|et a|et au|et sur|et quand|et combien|
    et ou|et comment|et il|et elle|et c|et mon|et ma|et vers|et est|et vous|ou bien|mais si|mais pour|
    meme pour|meme si|aussi pour|sinon|alors|et`),
  pronouns: new Set(
    list(
      "il elle ils elles celui celle ceux celles ca cela ceci lequel laquelle lesquels lesquelles en y lui",
    ),
  ),
  demonstratives: new Set(list("ca cela ceci")),
  objectPronouns: new Set(list("le la les lui leur")),
  subjects: new Set(list("je tu il elle on nous vous ils elles ne")),
  links: new Set(list("et puis a ou alors bon")),
  emptyPronouns: new Set([
    ...["il y", "il faut", "il faudrait", "il vous", "il te", "il est", "il possible", "est il", "faut il"],
    ...[
      "y a",
      "ca va",
      "il existe",
      "existe il",
      "en ligne",
      "en stock",
      "en magasin",
      "en boutique",
      "en retard",
    ],
    ...[
      "en france",
      "en cours",
      "en fait",
      "en plus",
      "en point",
      "en relais",
      "en combien",
      "en quelle",
      "en quel",
    ],
    ...["en tant", "en carte", "en especes", "en plusieurs", "en panne", "en bas", "en avance", "en moyenne"],
    ...[
      "il me",
      "il manque",
      "reste il",
      "suffit il",
      "va il",
      "en attendant",
      "en cas",
      "en euros",
      "en belgique",
    ],
    ...[
      "en suisse",
      "en allemagne",
      "en espagne",
      "en italie",
      "en irlande",
      "en pdf",
      "en express",
      "en vente",
    ],
    ...[
      "en promotion",
      "en colere",
      "en solde",
      "en deux",
      "en trois",
      "en quatre",
      "en cinq",
      "en x",
      "en vrai",
    ],
    ...["il pleut", "il fait", "en ce", "en ai", "a il", "y il", "en teck", "en bois", "en metal", "en cuir"],
  ]),
  fillers:
    phrases(`bonjour|bonsoir|salut|coucou|bien sur|excellente question|tres bonne question|merci pour votre question|
    merci de votre question|merci pour votre message|avec plaisir|n hesitez pas`),
  refusals: phrases(`je ne sais pas|je ne dispose pas|je ne connais pas|je n ai pas|nous n avons pas|nous ne|
    precisez|pouvez vous preciser|contactez|ecrivez nous|appelez|malheureusement|desole|desolee`),
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
  months: new Map(
    list("janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre").map(
      (m, i) => [m, i],
    ),
  ),
  weekdays: new Map(list("dimanche lundi mardi mercredi jeudi vendredi samedi").map((d, i) => [d, i])),
  relativeDays: new Map([
    ["avant hier", -2],
    ["apres demain", 2],
    ["aujourd hui", 0],
    ["hier", -1],
    ["demain", 1],
    ["ce matin", 0],
    ["ce soir", 0],
    ["cette nuit", 0],
    ["cet apres midi", 0],
    ["maintenant", 0],
    ["la semaine prochaine", 7],
    ["semaine prochaine", 7],
    ["la semaine derniere", -7],
    ["semaine derniere", -7],
    ["le mois prochain", 30],
    ["mois prochain", 30],
    ["le mois dernier", -30],
    ["mois dernier", -30],
    ["l an dernier", -365],
    ["an dernier", -365],
    ["annee derniere", -365],
  ]),
  periods: new Map(
    Object.entries({
      ...{ minute: 0, minutes: 0, min: 0, heure: 0, heures: 0, h: 0, jour: 1, jours: 1, j: 1, semaine: 7 },
      ...{ semaines: 7, mois: 30, an: 365, ans: 365, annee: 365, annees: 365, quinzaine: 15 },
    }),
  ),
  agoWords: ["il y a", "y a", "depuis", "ca fait", "voila"],
  inWords: ["dans", "d ici", "sous", "apres"],
  looseTimes: list("bientot tot tard weekend").concat([
    "week end",
    "au plus vite",
    "des que possible",
    "noel",
  ]),
  currencies: new Map([
    ["€", "EUR"],
    ["euro", "EUR"],
    ["euros", "EUR"],
    ["eur", "EUR"],
    ["balles", "EUR"],
    ["$", "USD"],
    ["dollars", "USD"],
    ["£", "GBP"],
  ]),
  wording: {
    classify: "De quelle catégorie est cette demande d'un client ? « {query} »",
    tones: {
      neutral: "Ton : courtois et direct.",
      warm: "Ton : chaleureux.",
      apologetic: "Ton : compréhensif, reconnaître la gêne du client.",
      calm: "Ton : calme et ferme, sans répondre aux provocations.",
      enthusiastic: "Ton : enjoué.",
    },
    formats: {
      short: "Forme : une phrase courte.",
      sentence: "Forme : une ou deux phrases.",
      steps: "Forme : les étapes dans l'ordre.",
      list: "Forme : une courte liste.",
    },
    focus: "La question porte sur : {category}.",
    clarify: "La demande est ambiguë : demander une précision.",
    begin: "Commencer par : {text}",
    known: "Le client a cité : {entities}.",
    followUp: "La question se rapporte à ce qui a été dit avant.",
    facts: "Faits sûrs : {facts}",
    retry: "La réponse précédente était fausse : {issue} Répondre autrement.",
  },
};
