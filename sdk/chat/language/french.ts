/** French as the reasoning sees it. Every word is written folded: lower case, without accents. */
import { frenchPast } from "./frenchPast.ts";
import { FRENCH_WORDS } from "./frenchWords.ts";
import type { Language } from "./language.ts";
import { list, phrases, table } from "./lists.ts";
import { COUNTRIES, PLACES } from "./places.ts";
import { frenchReplies } from "./replies.ts";

const VERB_ENDINGS = list(
  `issements issement issons issez issent issais issait eraient erions erait erais erons eront erez eras erai
   era ements ement aient antes ants ante ant ees ee es er ez ais ait ent ons e`,
).sort((a, b) => b.length - a.length);

/** A light stem: enough for plurals, genders and the conjugations of regular verbs. */
function stem(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  // "envoie" and "envoyer", "rayées" and "rayé" are forms of one word.
  const bare = bareStem(word.endsWith("ees") ? word.slice(0, -1) : word);
  return bare.endsWith("y") ? `${bare.slice(0, -1)}i` : bare;
}

function bareStem(word: string): string {
  if (word.endsWith("eaux")) return word.slice(0, -1);
  if (word.endsWith("aux") && word.length > 4) return `${word.slice(0, -3)}al`;
  for (const ending of VERB_ENDINGS) {
    // Three letters must be left, four where the ending is long, so that "client" stays whole.
    const least = ending.length >= 3 ? 4 : 3;
    if (word.endsWith(ending) && word.length - ending.length >= least)
      return word.slice(0, word.length - ending.length);
  }
  return word.length > 4 && /[sx]$/.test(word) ? word.slice(0, -1) : word;
}

/** Without the plural's ending. */
function singular(word: string): string {
  if (word.length < 4 || /\d/.test(word)) return word;
  if (/(?:eau|eu|ou)x$/.test(word)) return word.slice(0, -1);
  if (word.endsWith("aux") && word.length > 5) return `${word.slice(0, -3)}al`;
  return /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

const UNITS = list(
  "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
);

export const french: Language = {
  code: "fr",
  stem,
  singular,
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
  commonWords: FRENCH_WORDS,
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
    pas compris|pas clair|le premier|la premiere|le second|la deuxieme|le deuxieme|le dernier|la derniere|la 2eme|le 2eme|le 2e|le 1er|la 1ere|la 2e|le troisieme|la troisieme|le 3eme|premiere option|deuxieme option|premier choix|vous aviez dit|m aviez dit|m aviez pourtant|aviez pourtant|avez pourtant|tu avais dit|tu m as dit|on m avait dit|pourtant dit|
    la precedente|le precedent|precedemment|juste avant|de tout a l heure|dont je parlais|que j ai dit|ce que j ai dit|ce que vous avez dit|ce que tu as dit|votre derniere|la reponse|cette option|cette solution|cet article|ce modele|ce produit|ce prix|ce delai|ces deux|ces trois|cette offre|
    l un ou l autre|le moins cher|la moins chere|les moins chers|le plus cher|c est lequel|c est laquelle|lequel est|laquelle est|a partir de quelle somme|a partir de quel montant|une limite|un minimum|un maximum|jusqu a combien|je parlais d|je parlais de|je parle de l autre|de l autre|
    les deux|dans ce cas|du coup|le meme|la meme|les memes|celui que|celle que|precisez|developpez|
    vous etes sur|c est sur|pourquoi ca|mais encore|c est a dire|comment ca|de quoi|lequel des deux|laquelle des deux|les autres|plus de details|plus d infos|plus d informations|dites m en plus|expliquez|pas d accord|vous etes serieux|serieusement|sans blague|sur et certain|c est fait|c est bon`),
  continuations:
    phrases(`et pour|et si|et en|et le|et la|et les|et avec|et sans|et a|et au|et sur|et quand|et combien|
    et ou|et comment|et il|et elle|et c|et mon|et ma|et vers|et est|et vous|ou bien|mais si|mais pour|
    meme pour|meme si|aussi pour|sinon|alors|donc|et|meme|quelle que soit|quel que soit|peu importe|seulement|uniquement|juste|sauf|mais|ou alors|ou sinon|ok et|ok mais|oui mais|non mais|d accord et|d accord mais|du coup|dans ce cas|et apres|et puis|pareil pour|idem pour|idem|pareil|comme quoi|par exemple|c est le|c est la|c est pour|c est quoi la difference|parce que|car|vu que|vers quel|a quel prix|a quelle heure|dans quel delai|dans combien|sous combien|a combien|en combien|jusqu a quand|depuis quand|pour combien|avec quoi|pour quoi|sur quoi|combien alors|combien exactement|combien de plus|pas avant|pas plus|pas moins|pas de|encore moins|encore plus`),
  pointers: {
    ends: new Set(list("aussi alors sinon exactement deja non egalement autrement")),
    prepositions: new Set(
      list("par avec sans pour en a dans vers chez depuis jusqu sur sous avant apres entre contre"),
    ),
    itIs: /^(?:c['’ ]?est|cest|c['’]etait|c['’]était)$/i,
    asksAnew: new Set(list("quoi ou qui quand possible lequel laquelle vous")),
    these: new Set(list("ce cet cette ces")),
    days: new Set(list("matin soir midi nuit week weekend apres ete hiver moment annee que qui sont n est")),
  },
  newSubjects:
    phrases(`autre question|autre chose|rien a voir|au fait|par ailleurs|changement de sujet|changeons de sujet|
    une autre question|derniere chose|derniere question|question differente|j ai une question|sur un autre sujet|autre sujet|
    ah oui aussi|tant que j y suis|a part ca|a propos d autre chose|en fait je voulais`),
  interjections: new Set(
    list(`dommage ok okay oki daccord accord ah oh bon super merci mince zut bah ben non oui ouais parfait
    genial cool d hum euh hmm bonjour attends attendez desole pardon compris entendu`),
  ),
  modals: new Set(
    list(`peux peut pouvez puis pouvons peuvent vais va allez veux veut voulez voudrais dois doit faut faudrait pour de
    a sans aimerais souhaite pourrais pourriez pourrait sais comment ou fais faire faites dois devoir`),
  ),
  noAntecedents: new Set(
    list(`temps jour jours heure heures semaine semaines mois prix combien euros minutes fois moins partir savoir
    voudrais aimerais souhaite pouvez dites merci alors quand quelle quel avant apres encore toujours depuis`),
  ),
  pronouns: new Set(
    list(
      "il elle ils elles celui celle ceux celles ca cela ceci lequel laquelle lesquels lesquelles en y lui",
    ),
  ),
  demonstratives: new Set(list("ca cela ceci")),
  objectPronouns: new Set(list("le la les lui leur")),
  subjects: new Set(list("je tu il elle on nous vous ils elles ne")),
  links: new Set(
    list(
      "et puis a ou alors bon encore tous toutes beaucoup vraiment infiniment aussi ok okay donc voila bcp allez",
    ),
  ),
  emptyPronouns: new Set([
    ...[
      "il y a",
      "il y avait",
      "il y aura",
      "il faut",
      "il faudrait",
      "il vous",
      "il te",
      "il est possible",
      "est il possible",
      "il est impossible",
      "est il impossible",
      "il est interdit",
      "est il interdit",
      "il est prevu",
      "est il prevu",
      "il est obligatoire",
      "est il obligatoire",
      "il est necessaire",
      "est il necessaire",
      "il est permis",
      "est il permis",
      "il est autorise",
      "est il autorise",
      "il est conseille",
      "est il conseille",
      "il est temps",
      "est il temps",
      "il est tard",
      "est il tard",
      "il est tot",
      "est il tot",
      "il est dit",
      "est il dit",
      "il est ecrit",
      "est il ecrit",
      "il est indique",
      "est il indique",
      "il est facile",
      "est il facile",
      "il est difficile",
      "est il difficile",
      "il est normal",
      "est il normal",
      "il possible",
      "faut il",
    ],
    ...[
      "y a",
      "il existe un",
      "il existe une",
      "il existe des",
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
    ...[
      "il pleut",
      "il neige",
      "il fait",
      "fait il",
      "il est quelle heure",
      "quelle heure est il",
      "qui est il",
      "il se passe",
      "il parait",
      "il semble",
      "il arrive que",
      "elle est ou",
      "y a",
      "en avez",
      "en vendez",
      "en est",
      "en sont",
      "en hiver",
      "en ete",
      "en automne",
      "en semaine",
      "en solde",
      "en soldes",
      "en promo",
      "en rupture",
      "en coton",
      "en laine",
      "en bleu",
      "en noir",
      "en rouge",
      "en vert",
      "en blanc",
      "en gris",
      "en taille",
      "en arriere",
      "en avant",
      "en lin",
      "en verre",
      "en inox",
      "en corse",
      "en gros",
      "en vrac",
      "en liquide",
      "en espece",
      "en especes",
      "en relation",
      "en contact",
      "en direct",
      "en anglais",
      "en francais",
      "en panne",
      "en double",
      "en colis",
      "en attente",
      "en preparation",
      "en livraison",
      "en main",
      "en tete",
      "en pleine",
      "en train",
      "en dehors",
      "en general",
      "en recommande",
      "en guadeloupe",
      "en martinique",
      "en guyane",
      "en 24h",
      "en moins",
      "en mode",
      "en commandant",
      "en voiture",
      "en ce",
      "en ai",
      "a il",
      "y il",
      "en teck",
      "en bois",
      "en metal",
      "en cuir",
    ],
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
    ["aujourdhui", 0],
    ["aujourdui", 0],
    ["ojd", 0],
    ["apres midi", 0],
    ["hier soir", -1],
    ["hier matin", -1],
    ["demain matin", 1],
    ["demain soir", 1],
    ["demain midi", 1],
    ["demain apres midi", 1],
    ["hier apres midi", -1],
    ["ce midi", 0],
    ["l annee prochaine", 365],
    ["annee prochaine", 365],
    ["l an prochain", 365],
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
  agoWords: [
    "il y a",
    "y a",
    "ya",
    "depuis",
    "dpuis",
    "ca fait",
    "sa fait",
    "voila",
    "cela fait",
    "depuis plus de",
    "il y a plus de",
    "il y a environ",
    "ca fait plus de",
    "il y a deja",
  ],
  inWords: ["dans", "d ici", "sous", "dans moins de", "dans les", "sous les", "en moins de"],
  dayParts: new Set(list("matin soir midi apresmidi aprem matinee soiree")),
  sinceWords: new Set(["depuis", "dpuis"]),
  nounsFirst: new Set(
    list(
      "commande commandes achat achats livre livres recherche recherches suivi retour retours echange echanges envoi envois charge reponse remise marche essai suite",
    ),
  ),
  determiners: new Set(
    list(`un une le la les des du ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur
    leurs aucun aucune quel quelle quels quelles vrai vraie bon bonne autre autres premier premiere derniere deux trois`),
  ),
  happenedBefore: frenchPast,
  auxiliaries: new Set(
    list(
      "est etre ete suis sommes sont sera serai seront etait ai as avons avez ont avais avait avoir faire marque",
    ),
  ),
  tooMuch: new Set(list("trop tro")),
  tooMuchNot: new Set(
    list(`tard tot drole chaud froid bien cool fort bon bons bonne beau belle mignon gentil content contente hate de d
    forte super sympa marrant top styles stylé classe jolie joli kiffant genial plaisir peu que aime`),
  ),
  looseTimes:
    phrases(`bientot|weekend|week end|ce week end|ce weekend|le week end|week end prochain|week end dernier|
    au plus vite|au plus tot|des que possible|noel|a noel|avant noel|nouvel an|tout de suite|immediatement|maintenant|
    en ce moment|actuellement|recemment|dernierement|cette semaine|cette annee|ce mois ci|ce mois|cette apres midi|
    cet ete|en ete|cet hiver|cet automne|ce printemps|l hiver|ete prochain|ete dernier|l automne|le printemps|au printemps|
    la veille|le lendemain|lendemain|surlendemain|tout a l heure|en fin de semaine|en debut de semaine|debut de semaine|
    fin de semaine|fin du mois|la fin du mois|fin de mois|debut du mois|en fin de mois|fin de l annee|
    mi janvier|saint valentin|la saint valentin|black friday|toussaint|paques|14 juillet|
    jours feries|le dimanche matin|plus tard dans la journee|dans la journee|a midi|midi|minuit|
    semaine pro|mois pro|hier soir|avant hier soir|des demain|longtemps|depuis longtemps|plusieurs jours|
    depuis plusieurs jours|depuis plusieurs semaines|plusieurs semaines|quelques jours|depuis quelques jours|
    il y a quelques jours|il y a longtemps|il y a plusieurs jours|il y a plusieurs semaines|dans quelques jours|
    24 7|en semaine|le soir|la nuit|tous les jours|depuis hier|depuis le debut|depuis toujours|ca fait longtemps|ca fait des semaines|
    depuis des semaines|depuis des jours|depuis des mois|il y a des semaines|depuis une eternite`),
  places: PLACES,
  countries: new Set(COUNTRIES),
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
  replies: frenchReplies,
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
