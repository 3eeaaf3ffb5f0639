/** How French answers speak. Every word is written folded. */
import { list, phrases } from "../lists.ts";
import type { ReplyWords } from "../replyWords.ts";

export const frenchReplies: ReplyWords = {
  yes: phrases("oui|tout a fait|bien sur|absolument|effectivement|en effet|exactement|certainement"),
  no: phrases("non|malheureusement|helas|pas du tout|aucunement"),
  apologies:
    phrases(`desole|desolee|desoles|navre|navree|excuses|excusez|pardon|regrette|regrettons|comprends|comprenons|
    malheureusement|toutes nos excuses|toutes mes excuses|votre reclamation|confus`),
  cheers:
    phrases(`super|genial|parfait|excellent|excellente|bravo|formidable|felicitations|quelle bonne nouvelle|ravi|ravis|
    ravie|chouette|youpi|profitez bien|heureux de|merci pour votre retour positif|merci pour ce compliment|top|magnifique|
    fantastique|tant mieux|content que|contents que|nous sommes heureux|bonne nouvelle`),
  rude: phrases(`t as qu a|tas qu a|vous n avez qu a|vous avez qu a|n a qu a|debrouillez vous|debrouille toi|on s en fout|on s en fiche|
    je m en fiche|je m en fous|on verra bien|pas mon probleme|pas notre probleme|pas ma faute|pas notre faute|tant pis|
    tant pis pour vous|calmez vous|calme toi|lisez|apprenez a lire|vous auriez du|fallait|il fallait|et alors|c est votre faute|
    votre faute|votre probleme|arretez de|cessez de|vous etes penible|vous m ennuyez|vous insistez|encore vous|quoi encore|
    franchement vous|j en ai marre|faites un effort|vous ne comprenez rien|vous ne savez pas|c est pas complique|
    wesh|mdr|lol|ptdr|ouais|frerot|frero|mec|meuf|gars|bah|ben|chelou|relou|kiffe|cimer|jsp|jpp|osef|azy|vas y|tkt|t inquiete|
    c est nul|quelle question|question idiote|question bete|evidemment que|reflechissez|foutre|fichez|fous|peu importe|
    va voir ailleurs|allez voir ailleurs|demerdez|demerde|bof|nan|yo|salut mon|ma belle|mon pote|cherie|coco|
    on peut rien faire|j y peux rien|je n y peux rien|vous exagerez|arrete|ca vous apprendra|bien fait|attendez comme tout le monde|
    comme tout le monde|pas envie|je m en moque|on s en moque|vous racontez|n importe quoi|ca n a aucun sens|ma grande|mon grand|mon petit|ma petite|mon cher|fallait faire attention`),
  familiar: new Set(list("tu te toi ton ta tes t")),
  emptyTalk:
    phrases(`comment puis je vous aider|en quoi puis je vous aider|que puis je faire pour vous|puis je vous aider|
    comment puis je vous aider aujourd hui|n hesitez pas|n hesitez pas a nous contacter|nous sommes la pour vous|je suis la pour vous aider|
    nous sommes a votre disposition|je suis a votre disposition|a votre ecoute|a votre service|merci pour votre message|
    merci de votre message|merci pour votre question|merci de votre question|merci pour votre confiance|merci de votre confiance|
    merci pour votre interet|nous vous remercions|nous vous remercions de votre interet|merci de votre interet|bienvenue|
    bonne question|excellente question|tres bonne question|c est une bonne question|votre satisfaction est notre priorite|
    la satisfaction de nos clients|nous sommes ravis|ravis de vous compter parmi nos clients|ravi de vous aider|nos clients|
    bonne journee|bonne soiree|a bientot|nous prenons note|nous avons bien note|votre demande est importante|importante pour nous|
    nous faisons de notre mieux|nous mettons tout en oeuvre|je vous invite a visiter notre site|beaucoup de clients|un vrai sujet|
    en parlent souvent|cela depend|ca depend|je ferai de mon mieux|avec plaisir|je vous ecoute|dites moi tout|
    notre boutique propose|de nombreux produits|votre avis compte|c est important|nous restons|au plus vite|tres vite`),
  welcome:
    phrases(`avec plaisir|de rien|je vous en prie|a votre service|c est un plaisir|bonjour|bonsoir|salut|bienvenue|merci|
    au revoir|a bientot|bonne journee|bonne soiree|bonne nuit|bon week end|puis je vous aider|pour vous aider|que puis je|je suis|
    nous sommes|assistant|robot|virtuel|bonne continuation|a la prochaine|ravi|enchante|volontiers|heureux|heureuse|en quoi|
    comment puis je|tres bien|ca va|desole|n hesitez pas|tant mieux|content|pas de souci|entendu|d accord|parfait|je m appelle|
    passez une|prenez soin|a tout|bon courage|bonne fin|repos|felicitations|joyeux|bon anniversaire|blague|dites moi`),
  steps:
    phrases(`cliquez|rendez vous|imprimez|suivez|connectez vous|connectez|allez|envoyez|contactez|appelez|ecrivez|choisissez|
    selectionnez|saisissez|remplissez|deposez|ouvrez|utilisez|ajoutez|indiquez|demandez|telechargez|validez|verifiez|passez|
    glissez|appuyez|recopiez|adressez|rapportez|presentez|glisser|collez|entrez|renseignez|modifiez|vous pouvez|vous devez|
    il suffit|il faut|depuis|dans votre|dans la rubrique|dans l onglet|sur la page|en cliquant|via|grace a|a l aide|sous le|
    en bas|en haut|par mail|par telephone|par courrier|au bas de|avec le|avec votre|en vous|sur votre|sur notre|sur simple|rubrique|
    bouton|formulaire|commencez|mettez|preparez|signalez|repondez|scannez|transmettez|joignez|inscrivez|faites|optez|prenez|
    je vais|nous allons|votre numero|quel est|pouvez vous|pourriez vous|etape|directement`),
  checksBack: phrases(
    "vous etes sur|vous etes sure|etes vous sur|etes vous sure|t es sur|tu es sur|c est sur|sur et certain|vous etes certain|vous confirmez|tu confirmes|confirmez|confirmes tu|c est bien ca|c est bien|c est certain|c est vrai|vraiment|donc c est|donc|vous m assurez|vous garantissez",
  ),
  free: phrases(
    "gratuit|gratuite|gratuits|gratuitement|offert|offerte|offerts|aucun|aucune|sans frais|illimite|rien|pas de|aucuns frais|compris|inclus|meme|tous|toutes",
  ),
  conditions:
    phrases(`des|a partir de|au dela|sinon|sauf|au dessus|si|en dessous|pour les|partir|minimum|hors|puis|apres|avant|mais|
    en magasin|en boutique|en point relais|pour la|a l etranger|une fois|entre`),
  only: phrases("seulement|uniquement|exclusivement|nulle part|nulle part ailleurs|ne que|rien d autre"),
  colours: new Set(
    list(`rouge bleu bleue vert verte jaune noir noire blanc blanche gris grise rose violet violette orange marron beige ocre
      prune sauge turquoise bordeaux dore doree argente argentee kaki creme ecru anthracite camel taupe mauve lilas cuivre
      rouges bleus bleues verts vertes jaunes noirs noires blancs blanches roses violets`),
  ),
  opposites: [
    [
      list("annule annuler annulation annulee annulez annulee"),
      list("confirme confirmee confirmez enregistree validee valide expediee ajoute ajoutons rajoute"),
    ],
    [list("refuse refusee refuses rejete rejetee"), list("accepte acceptee acceptes acceptons valide")],
    [list("supprimer supprime effacer fermer cloturer"), list("cree creer ouvert ouvrir creation active")],
    [
      list("desabonner desinscrire desinscription"),
      list("inscription inscrit abonne abonnement inscrire abonnez inscrivez"),
    ],
    [list("casse abime brise fele defectueux"), list("parfait etat intact impeccable")],
    [list("retard tard"), list("avance")],
    [list("perdu vole jamais"), list("livre bien remis")],
    [
      list("gratuit gratuite gratuits gratuites offert offerte offerts"),
      list("payant payante payants payantes"),
    ],
    [list("augmenter ajouter rajouter"), list("retire retirer diminue enleve supprime")],
    [list("enlever retirer supprimer"), list("ajoute ajouter rajoute")],
  ],
  yesOpposites: [
    [
      list("disponible disponibles dispo dispos stock reste"),
      list("epuise epuisee epuises epuisees rupture indisponible indisponibles"),
    ],
    [list("possible possibles"), list("impossible impossibles")],
    [list("ouvert ouverte ouverts ouvertes ouvrez"), list("ferme fermee fermes fermees")],
    [
      list("accepte acceptes acceptez prenez autorise"),
      list("interdit interdits interdite interdites refuse refuses"),
    ],
    [list("compris comprise inclus incluse"), list("supplement")],
    [list("neuf neuve neufs"), list("occasion reconditionne")],
  ],
  forbids: phrases(
    "interdit|interdits|interdite|interdites|impossible|refuse|refuses|refusee|inexistant|exclu|exclus",
  ),
  alternatives: [
    list("virement carte paypal cheque cheques especes liquide bancontact amex klarna"),
    list("lundi mardi mercredi jeudi vendredi samedi dimanche"),
    list("telephone mail email courriel courrier chat"),
    list("rouge bleu vert jaune noir blanc gris rose violet marron beige ocre prune"),
    list("colissimo chronopost dhl ups fedex mondial dpd gls"),
    list("android iphone ios"),
    list("coton laine cuir bois metal plastique teck robinier acier inox aluminium lin soie polyester"),
  ],
  genericGoods: new Set(
    phrases(`outil|meuble|meubles|article|produit|pièces détachées|vêtement|vêtements|accessoire|accessoires|appareil|bijou|bijoux|
      linge|vaisselle|électroménager|cadeau|coffret|plante|plantes|fleurs|carton`),
  ),
  street: /\b\d+(?: bis| ter)?,? (?:rue|avenue|boulevard|place|quai|chemin|impasse|all[ée]e)\b[^,.;]*/giu,
  defines:
    /^(?:les? |la |l['’]|une? |des )?\p{L}[\p{L}-]*(?: (?:de |d['’])?\p{L}[\p{L}-]*)? (?:est|sont) (?:une?|des) (?!bonn?e? |bons |excellent|très |vrai|valeur)/iu,
  definition:
    /qu['’ ]?est[- ]ce|c['’ ]?est quoi|c koi|quel(?:le)?s? (?:est|sont)|que veut dire|signifie|qui est|kesk/iu,
  title: /\b(?:M\.|Mme|Mlle|Monsieur|Madame|Mademoiselle)\s+(\p{Lu}[\p{L}-]+)/gu,
  presents: /cadeau/,
  praise: /(?:une bonne|une excellente) question[.!\s]*$/i,
  costsNothing: /^(?:gratui|offert)/,
  conditionWords: new Set(list("tant si quand lorsque jusqu")),
  denialBegins: /^(?:mais (?:plus|pas)|sauf|hormis)\b/,
  limits: /(?<!\p{L})(?:sauf|hors|seul|seule|uniquement|seulement|tant que)(?!\p{L})/u,
  paid: {
    asked: /rembours|pay|debit|prelev|factur/,
    answered: /rembours|debit|prelev|factur|regl|pa[iy]e/,
  },
  inStock: /stock|dispo|reste|minimum|maximum|jusqu/i,
  calls: /appel|joign|joindre|compos|tel/,
  streetEnd: / à /,
  gives: {
    measure: /taille/i,
    time: /(?<!\p{L})(?:toujours|jamais|dès|après|avant)(?!\p{L})/iu,
    money: /\bpour cent\b|\bd[eé]pend/i,
    phone: /formulaire|form\b|chat/i,
    mail: /formulaire|form\b|\bmail|courriel|contact/i,
    address: /\b(?:rue|avenue|boulevard|place|zone|quai|chemin)\b/i,
    place:
      /«|(?<!\p{L})(?:à|a|au|aux|en|dans|sur|sous|chez|vers|près|derrière|devant|rue|ici|là|via|depuis|entre|par)(?!\p{L})/iu,
  },
  asks: {
    money: phrases(
      "combien coute|combien ca coute|est combien|quel prix|le prix|prix de|prix du|tarif|a combien|coute combien|combien coutent|combien vaut|quels frais|frais de port|frais de livraison|frais de retour|combien pour|combien je dois|quel montant|cout de",
    ),
    time: phrases(
      "quand|quel delai|quels delais|delai|delais|combien de temps|combien de jours|quelle heure|quelles heures|horaires|quel jour|quels jours|sous combien|jusqu a quand|depuis quand|dans combien",
    ),
    colour: phrases("quelle couleur|quelles couleurs|quel coloris|quels coloris|coloris|couleurs"),
    phone: phrases(
      "numero de telephone|num de tel|numero de tel|votre telephone|votre numero|un numero pour|numero du service",
    ),
    mail: phrases(
      "adresse mail|adresse e mail|adresse email|votre mail|votre email|un mail pour|votre courriel",
    ),
    measure: phrases(
      "quelle taille fait|quel poids|pese|dimensions|quelle hauteur|quelle largeur|quelle longueur|quelle capacite|quelle contenance|quelle autonomie|quelle puissance|quel diametre|combien de litres|combien de kilos|combien de places|quelle garantie|combien d annees|quelle pointure|quelle taille|combien pese",
    ),
    address: phrases("votre adresse|quelle adresse|adresse du magasin|adresse de la boutique"),
  },
};
